"""
Read every environment variable through one typed settings class.

Each reading becomes an attribute of a settings object that reads the environment *at that moment*, with the same default, the same
conversion and the same failure: nothing is read earlier or later than before, and a test that sets a variable is seen at once.

```py before
import os

PORT = int(os.getenv("PORT", "8000"))
DEBUG = os.environ.get("DEBUG", "false").lower() == "true"


def region():
    return os.environ["REGION"]
```

```py after
from settings import settings

PORT = settings.port
DEBUG = settings.debug


def region():
    return settings.region
```

The class is written beside the code that uses it, `port: int = env("PORT", "8000", parse=int)` and so on. A variable whose name or
default is computed stays where it is:

```py unchanged
import os

for key in DEFAULTS:
    VALUES[key] = os.environ.get(f"APP_{key}".upper())
```

So do writes, and uses of the environment as a whole:

```py unchanged
import os
import subprocess

os.environ["TZ"] = "UTC"
subprocess.run(["date"], env={**os.environ})
```
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from maestro_migrate import Change, Finding, Module, Project

from ..._plan import FileWrite
from ._home import ID, leading_imports, settings_home, start_of
from ._readings import CORES, readings
from ._settings_file import CONSTANT, LINE_LENGTH, NOTHING, Layout, declared_fields, field_names, merge_fields

WORDS = ("getenv", ("environ", r"environ(?!ment)"), "putenv", "unsetenv", "maestro_core_config")
SITES = CORES
ADDS = ("settings",)
NEEDS = ("maestro-core-config",)
ORDER = 40


def scan(module: Module) -> list[list[str | None]]:
    """Return the readings of a module as plain keys, so that field names can be given out before any edit."""
    fields = declared_fields(module)
    if fields:
        module.marks["fields"] = fields
    starts = start_of(module)
    if starts is not None:
        module.marks["starts"] = starts
    if "/" not in module.path:
        module.marks["leads"] = leading_imports(module)
    return [list(reading.key) for reading in readings(module, report=False)]


def edit(module: Module) -> Iterator[Change]:
    """Yield one change for every reading."""
    home = settings_home(module.project, module.path)
    if isinstance(home, str):
        for reading in readings(module):
            module.refuse(reading.node, home, "import the settings object by hand where you know how this file is run")
        return
    names = field_names(module.project, ID, home.path)
    for reading in readings(module):
        local = module.local_name(home.qualname)
        if local is None:
            module.refuse(
                reading.node,
                "name-taken: every name for the settings object means something else in this file",
                "rename it and run again",
            )
            continue
        if module.source.comments(*module.source.span(reading.node)):
            module.refuse(
                reading.node, "comment: a comment stands in what would be replaced", "move the comment and run again"
            )
            continue
        name = names.get(reading.key)
        if name is None:  # fields are given out file by file, before anything is known of the others
            module.refuse(
                reading.node,
                "borrowed-name: `os` comes from another file of the project",
                "import it here from the standard library and run again",
            )
            continue
        yield module.change(
            module.replace(reading.node, f"{local}.{name} {reading.test}".rstrip()),
            at=reading.node,
            reason=f"{reading.variable} is read through the settings class, at the same moment and with the same result",
            requires=[home.qualname],
            sites=1 if reading.fallback is None else 2,
            contributes=[
                (home.path, name),
                *((f"{home.path}#{name}", NOTHING if part is None else part) for part in reading.key),
                *((f"{home.path}{CONSTANT}{reading.variable}", f"{each} in {module.path}") for each in reading.names),
            ],
        )


def finish(project: Project, contributions: list[tuple[str, Any]], root: Path) -> tuple[list[FileWrite], list[Finding]]:
    """Return the settings files that the changes call for."""
    layout = Layout(project.line_limit or LINE_LENGTH, project.told_style.one_name_each)
    return merge_fields(contributions, root, ID, layout=layout)
