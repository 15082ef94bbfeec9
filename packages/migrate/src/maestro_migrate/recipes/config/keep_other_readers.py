"""
Name the other ways in which settings come in, which stay as they are.

`load_dotenv()` fills the environment that the readings below it are made from. It stays where it stands, so the order of the two stays, and so do the
search for the file and `override=True`. Reading `.env` in the settings class instead would be read at another moment, and by those who use the class only.

```py unchanged finding=dotenv-kept
from dotenv import load_dotenv

load_dotenv()
```

```py unchanged finding=dotenv-wins
from dotenv import load_dotenv

load_dotenv(".env.local", override=True)
```

Libraries that read the environment by rules of their own are named too:

```py unchanged finding=own-rules
from decouple import config

DEBUG = config("DEBUG", default=False, cast=bool)
```

So is what a Flask or Quart app takes into its configuration by itself:

```py unchanged finding=own-rules
from flask import Flask

app = Flask(__name__)
app.config.from_prefixed_env("SHOP")
```
"""

import ast
from collections.abc import Iterator

from maestro_migrate import Change, Module

from ..._site import Site

REPORTS_ONLY = True
WORDS = (
    "dotenv",
    "decouple",
    "dynaconf",
    "import environ",
    "from environ",
    "starlette.config",
    "starlette import",
    "everett",
    "from_envvar",
    "from_prefixed_env",
)
_DOTENV = ("dotenv.load_dotenv", "dotenv.main.load_dotenv")
_READERS = ("decouple.AutoConfig", "decouple.config", "dotenv.dotenv_values", "dynaconf.Dynaconf", "dynaconf.LazySettings", "environ.Env", "environs.Env", "environs.FileAwareEnv", "everett.manager.ConfigManager.basic_config", "everett.manager.ConfigOSEnv", "starlette.config.Config")  # fmt: skip
_KEEP = "leave it; once all settings are fields of one class, `env_file` in its configuration can take its place"
_BY_HAND = "declare each variable in the settings class by hand, with the same default and the same conversion"

_OF_THE_APP = {
    "from_envvar": (
        "own-rules: from_envvar runs the file whose path a variable holds",
        "leave it; once its values are fields of the settings class, fill the app's configuration from there",
    ),
    "from_prefixed_env": (
        "own-rules: from_prefixed_env takes every variable of its prefix, as JSON where it is",
        _BY_HAND,
    ),
}


def edit(module: Module) -> Iterator[Change]:
    """Name every call; change nothing."""
    for site in module.references(*_DOTENV, *_READERS):
        if site.call is not None and site.qualname in _DOTENV:
            module.refuse(site.call, _of_dotenv(site), _KEEP)
        elif site.call is not None and site.qualname in _READERS:
            module.refuse(
                site.call, f"own-rules: {site.qualname} finds and converts values by rules of its own", _BY_HAND
            )
    for call in module.nodes(ast.Call):
        if isinstance(call.func, ast.Attribute) and call.func.attr in _OF_THE_APP:
            module.refuse(call, *_OF_THE_APP[call.func.attr])
    return iter(())


def _of_dotenv(site: Site) -> str:
    assert site.call is not None
    wins = any(
        keyword.arg == "override" and not (isinstance(keyword.value, ast.Constant) and not keyword.value.value)
        for keyword in site.call.keywords
    )
    if wins:
        return "dotenv-wins: the file wins over the platform's variables, for everything that is read after this line"
    return "dotenv-kept: the file fills the environment for everything that is read after this line"
