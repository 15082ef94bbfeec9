"""The settings file grows with the code that reads the environment, and keeps what stands in it."""

import re
from pathlib import Path

import pytest

from maestro_migrate._engine import Options, plan
from maestro_migrate._recipe import select

RECIPE = "config/read_settings_from_one_class"


def migrate(root: Path) -> dict[str, str]:
    """Apply the recipe to a folder and return the files that changed."""
    made = plan(root, Options(select([RECIPE]), jobs=1))
    for write in made.writes:
        assert write.after is not None
        (root / write.path).write_bytes(write.after)
    return {write.path: write.after.decode() for write in made.writes if write.after is not None}


def write(root: Path, **files: str) -> Path:
    """Write modules by name into a package called `app`."""
    (root / "app").mkdir(exist_ok=True)
    for name, text in {"__init__": "", **files}.items():
        (root / "app" / f"{name}.py").write_text(text)
    return root


def test_a_reading_that_comes_later_joins_the_class(tmp_path):
    """Fields that are there stay, in their order and with their names; only what is missing is added."""
    migrate(write(tmp_path, config='import os\n\nPORT = int(os.getenv("PORT", "8000"))\n'))
    settings = tmp_path / "app" / "settings.py"
    settings.write_text(settings.read_text().replace('"""What the environment decides."""', '"""Ours now."""'))
    write(
        tmp_path,
        config=(tmp_path / "app" / "config.py").read_text(),
        more='import os\nfrom pathlib import Path\n\nWHERE = Path(os.getenv("WHERE", "."))\nPORT = int(os.getenv("PORT", "8000"))\n',
    )
    changed = migrate(tmp_path)
    assert sorted(changed) == ["app/more.py", "app/settings.py"]
    assert '"""Ours now."""' in changed["app/settings.py"]
    assert changed["app/settings.py"].count("port: int") == 1
    assert "where: Path = env" in changed["app/settings.py"]
    assert "PORT = settings.port" in changed["app/more.py"]
    assert migrate(tmp_path) == {}
    compile(changed["app/settings.py"], "settings.py", "exec")


def test_one_variable_read_in_two_ways_is_two_fields_and_a_finding(tmp_path):
    """Neither default is chosen for the owner."""
    write(tmp_path, a='import os\n\nX = os.getenv("MODE", "a")\n', b='import os\n\nX = os.getenv("MODE", "b")\n')
    made = plan(tmp_path, Options(select([RECIPE]), jobs=1))
    text = next(write.after.decode() for write in made.writes if write.path == "app/settings.py" and write.after)
    assert text.count('env("MODE"') == 2
    assert any("two-readings: MODE" in finding.reason for finding in made.findings)


def test_a_settings_module_of_their_own_is_not_touched(tmp_path):
    """The class goes beside it under another name."""
    changed = migrate(write(tmp_path, settings="DEBUG = True\n", config='import os\n\nX = os.getenv("MODE", "a")\n'))
    assert sorted(changed) == ["app/config.py", "app/maestro_settings.py"]


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("Dockerfile", "FROM python\nCOPY main.py config.py ./\n"),
        ("setup.py", "from setuptools import setup\nsetup(py_modules=['config', 'main'])\n"),
    ],
)
def test_a_file_that_would_not_be_shipped_is_not_made(tmp_path, file, text):
    """Where files are shipped by name, a new one beside them would be missing in production."""
    (tmp_path / file).write_text(text)
    (tmp_path / "config.py").write_text('import os\n\nX = os.getenv("MODE", "a")\n')
    made = plan(tmp_path, Options(select([RECIPE]), jobs=1))
    assert made.writes == []
    assert "shipped-by-name" in made.findings[0].reason


def test_secrets_are_text_and_numbers_are_not(tmp_path):
    """A token is masked; the minutes that a token lives are not, so that a bad number still says what is wrong with it."""
    write(tmp_path, config='import os\n\nKEY = os.getenv("API_TOKEN", "x")\nTTL = int(os.getenv("TOKEN_TTL", "60"))\n')
    text = migrate(tmp_path)["app/settings.py"]
    assert 'api_token: str = secret("API_TOKEN"' in text
    assert 'token_ttl: int = env("TOKEN_TTL"' in text


def test_a_variable_called_like_the_librarys_words_hides_none_of_them(tmp_path, monkeypatch):
    """`ENV`, `SECRET`, `INT` and `SPLIT` are common names; the fields below theirs must still be declared."""
    names = ["ENV", "SECRET", "INT", "STR", "SPLIT", "LIST", "COPY", "JSON", "MODEL_NAME", "CLASS", "ZONE"]
    readings = "".join(
        f'{name} = os.getenv("{name}", "a").split(",")\n{name}_N = int(os.getenv("{name}_N", "1"))\n' for name in names
    )
    text = migrate(write(tmp_path, config=f"import os\n\n{readings}"))["app/settings.py"]
    scope: dict[str, object] = {"__name__": "app.settings"}
    exec(compile(text, "settings.py", "exec"), scope)
    monkeypatch.setenv("ENV", "x,y")
    assert scope["settings"].env_variable == ["x", "y"]
    assert len(text.splitlines()) > 2 * len(names)


def test_a_module_named_like_a_distribution_is_no_sibling_import(tmp_path):
    """`shop/redis.py` says `import redis` and means the distribution; the settings are still `shop.settings`."""
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "__init__.py").write_text("")
    (tmp_path / "shop" / "redis.py").write_text(
        'import os\n\nimport redis\n\nHOST = os.environ.get("REDIS_HOST", "localhost")\n'
    )
    made = plan(tmp_path, Options(select([RECIPE]), jobs=1))
    assert made.writes == []
    assert "import-unproven" in made.findings[0].reason
    (tmp_path / "main.py").write_text("import os\n\nfrom shop.redis import HOST\n\nDEBUG = os.getenv('DEBUG', '')\n")
    assert "from shop.settings import settings" in migrate(tmp_path)["shop/redis.py"]


def test_a_namespace_package_is_named_as_it_is_imported(tmp_path):
    """Folders without `__init__.py` above a package belong to its name only as far as the project's imports say so."""
    package = tmp_path / "src" / "titles" / "core" / "titles" / "core"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "factory.py").write_text('import os\n\nfrom titles.core.errors import E\n\nX = os.getenv("MODE", "a")\n')
    (package / "errors.py").write_text("E = 1\n")
    changed = migrate(tmp_path)
    assert "from titles.core.settings import settings" in changed["src/titles/core/titles/core/factory.py"]


def test_quotes_make_no_other_field_and_names_say_what_is_true(tmp_path):
    """`'x'` and `"x"` are one default; a comparison's field says what it compares with."""
    text = migrate(
        write(
            tmp_path,
            config="import os\n\nA = os.getenv('NAME', 'x')\nB = os.getenv(\"NAME\", \"x\")\nC = os.getenv('REDIS', '') == '0'\nD = os.getenv('STAGE', '') != 'test'\nE = os.getenv('DEBUG', 'no') == 'yes'\n",
        )
    )["app/settings.py"]
    assert text.count('env("NAME"') == 1
    assert "redis_is_0: bool" in text
    assert "stage_is_not_test: bool" in text
    assert "debug: bool" in text


def test_each_distribution_of_a_repository_declares_what_its_own_code_needs(tmp_path):
    """A nested distribution's manifest gains the library, the root's does not; a Python floor that is too low is a finding."""
    from maestro_migrate._migration import Request, plan_service

    nested = tmp_path / "parts" / "mail"
    (nested / "mail").mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "all"\nversion = "1"\ndependencies = []\n')
    (nested / "pyproject.toml").write_text(
        '[project]\nname = "mail"\nversion = "1"\nrequires-python = ">=3.8"\ndependencies = ["click"]\n'
    )
    (nested / "mail" / "__init__.py").write_text('import logging\n\nlog = logging.getLogger("mail")\n')
    made = plan_service(Request(root=tmp_path, cache=False))
    assert [write.path for write in made.writes] == ["parts/mail/mail/__init__.py", "parts/mail/pyproject.toml"]
    assert any(
        "python-floor" in finding.reason and finding.path == "parts/mail/pyproject.toml" for finding in made.findings
    )


def test_files_that_no_recipe_looks_at_still_show_how_a_package_is_imported(tmp_path):
    """A service that is run as `src.shop` must not be told to import `shop.settings`."""
    package = tmp_path / "src" / "shop"
    package.mkdir(parents=True)
    (tmp_path / "src" / "__init__.py").write_text("")
    (package / "__init__.py").write_text("")
    (package / "config.py").write_text('import os\n\nfrom . import other\n\nX = os.getenv("MODE", "a")\n')
    (package / "other.py").write_text("Y = 1\n")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_it.py").write_text("from src.shop.other import Y\n\n\ndef test_it():\n    assert Y\n")
    assert "from src.settings import settings" in migrate(tmp_path)["src/shop/config.py"]
    (tmp_path / "src" / "__init__.py").unlink()
    (tmp_path / "src" / "settings.py").unlink()
    (package / "config.py").write_text('import os\n\nX = os.getenv("MODE", "a")\n')
    assert "from src.shop.settings import settings" in migrate(tmp_path)["src/shop/config.py"]


@pytest.mark.parametrize(
    ("name", "packaging", "changed"),
    [
        ("setup.py", "setup(package_dir={'shop': 'lib', 'shop.parts': 'lib/parts'})\n", False),
        ("setup.cfg", "[options]\npackage_dir =\n    shop = lib\n", False),
        ("pyproject.toml", '[tool.setuptools]\npackage-dir = {"shop" = "./lib"}\n', False),
        ("setup.py", "setup(package_dir={'inner.lib': 'lib'})\n", False),
        ("setup.py", "setup(package_dir={'': 'lib'})\n", True),
        ("setup.cfg", "[options]\npackage_dir =\n    = lib\n", True),
        ("setup.py", "setup(package_dir={'lib': 'lib'})\n", True),
    ],
)
def test_a_folder_that_is_installed_under_another_name_is_not_imported_by_its_own(tmp_path, name, packaging, changed):
    """Where packaging maps `shop` to `lib/`, there is no `lib.settings` for installed code."""
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "__init__.py").write_text('import os\n\nX = os.getenv("MODE", "a")\n')
    (tmp_path / name).write_text(packaging)
    made = plan(tmp_path, Options(select([RECIPE]), jobs=1))
    assert bool(made.writes) == changed
    assert (
        any("import-unproven: nothing in the project shows" in finding.reason for finding in made.findings) != changed
    )


def test_a_copy_of_the_environment_does_not_see_what_a_test_puts_into_its_place(tmp_path):
    """`patch("os.environ", …)` reaches what is read through the module, whatever the copy is called."""
    (tmp_path / "svc.py").write_text(
        "import os\nfrom os import environ as env\n\n\ndef place():\n"
        '    return env.get("REGION", "eu"), os.environ.get("ZONE", "a")\n'
    )
    (tmp_path / "test_svc.py").write_text(
        "from unittest.mock import patch\n\nimport svc\n\n\ndef test_place():\n"
        '    with patch("os.environ", {"REGION": "us", "ZONE": "b"}):\n        assert svc.place() == ("eu", "b")\n'
    )
    made = migrate(tmp_path)
    assert 'return env.get("REGION", "eu"), settings.zone' in made["svc.py"]


def test_folders_without_an_init_share_the_settings_of_the_package_above_them(tmp_path):
    """Code in `app/views/`, imported as `app.views.page`, reads `app.settings`; a folder that no package holds keeps its own."""
    for folder in ("app/views", "jobs"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "app" / "__init__.py").write_text('import os\n\nA = os.getenv("A", "a")\n')
    (tmp_path / "app" / "views" / "page.py").write_text('import os\n\nB = os.getenv("B", "b")\n')
    (tmp_path / "jobs" / "nightly.py").write_text('import os\n\nC = os.getenv("C", "c")\n')
    (tmp_path / "main.py").write_text("from app.views.page import B\nfrom jobs.nightly import C\n\nprint(B, C)\n")
    made = migrate(tmp_path)
    assert "from app.settings import settings" in made["app/views/page.py"]
    assert "from jobs.settings import settings" in made["jobs/nightly.py"]


@pytest.mark.parametrize(
    "taken", ["from locust import HttpUser, task", "import locust\n\nlocust.run_single_user(None)", "import locust.env"]
)
def test_a_folder_that_is_called_like_a_library_is_not_what_is_imported(tmp_path, taken):
    """`locust/load.py` takes the library's names from `locust`: the folder's own files are imported by no name, so no settings file there could be."""
    (tmp_path / "locust").mkdir()
    (tmp_path / "locust" / "load.py").write_text(f'import os\n\n{taken}\n\nWEIGHT = int(os.getenv("WEIGHT", 1))\n')
    (tmp_path / "locust" / "task.py").write_text("X = 1\n")
    made = plan(tmp_path, Options(select([RECIPE]), jobs=1))
    assert made.writes == []
    assert "import-unproven" in made.findings[0].reason


def test_a_settings_file_that_version_control_ignores_gets_another_name(tmp_path):
    """`settings.py` in `.gitignore` would leave the class out of the repository; where every name is left out, nothing is changed."""
    (tmp_path / ".gitignore").write_text("# local\n*.log\nsettings.py\n")
    changed = migrate(write(tmp_path, config='import os\n\nX = os.getenv("MODE", "a")\n'))
    assert sorted(changed) == ["app/config.py", "app/maestro_settings.py"]
    assert migrate(tmp_path) == {}
    (tmp_path / "app" / "maestro_settings.py").unlink()
    (tmp_path / ".dockerignore").write_text("**/*settings.py\n")
    write(tmp_path, config='import os\n\nX = os.getenv("MODE", "a")\n')
    made = plan(tmp_path, Options(select([RECIPE]), jobs=1))
    assert made.writes == []
    assert "left-out: .dockerignore" in made.findings[0].reason


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("Dockerfile", 'FROM python\nCMD ["python", "-u", "app/config.py"]\n'),
        ("Procfile", "web: python3 -m flask run\nworker: exec python3.11 -O ./app/config.py --all\n"),
    ],
)
def test_code_that_is_started_by_its_path_imports_no_package_of_its_own(tmp_path, file, text):
    """`python app/config.py` cannot import `app`, unless the file shows that it does so already."""
    reading = 'import os\n\nX = os.getenv("MODE", "a")\n'
    (tmp_path / file).write_text(text)
    made = plan(write(tmp_path, config=reading), Options(select([RECIPE]), jobs=1))
    assert made.writes == []
    assert f"import-unproven: {file} runs app/config.py by its path" in made.findings[0].reason
    changed = migrate(
        write(tmp_path, config=reading.replace("import os\n", "import os\n\nfrom app import more\n"), more="")
    )
    assert "from app.settings import settings" in changed["app/config.py"]


def test_a_first_line_for_the_shell_alone_makes_no_script(tmp_path):
    """Above definitions only, `#!` is what an editor put there; above something that is done, the file may be run where `app` is not importable."""
    reading = (
        '#!/usr/bin/env python\n"""Names."""\nimport os\n\nif os.name == "posix":\n    X = os.getenv("MODE", "a")\n'
    )
    assert "from app.settings import settings" in migrate(write(tmp_path, config=reading))["app/config.py"]
    (tmp_path / "app" / "settings.py").unlink()
    for done in ("    print(X)\n", "for _ in X:\n    pass\n", "with open(X) as file:\n    pass\n"):
        made = plan(write(tmp_path, config=reading + done), Options(select([RECIPE]), jobs=1))
        assert made.writes == []
        assert "import-unproven: app/config.py can be run by its path" in made.findings[0].reason


def test_code_that_is_imported_by_its_bare_name_imports_no_package_of_its_own(tmp_path):
    """Tests import `app.config`, but `app/main.py` says `import config`: it is run where `app` may not be importable."""
    reading = 'import os\n\nX = os.getenv("MODE", "a")\n'
    write(tmp_path, config=reading, main="import config\n\nprint(config.X)\n", other=reading)
    (tmp_path / "test_it.py").write_text(
        "from app import config, other\n\n\ndef test_it():\n    assert config.X == other.X\n"
    )
    made = plan(tmp_path, Options(select([RECIPE]), jobs=1))
    assert [write.path for write in made.writes] == ["app/other.py", "app/settings.py"]
    assert any("app/main.py imports config by its bare name" in finding.reason for finding in made.findings)
    write(tmp_path, config=reading, main="import config\n\nprint(config.X)\n", other=reading)
    (tmp_path / "requirements.txt").write_text("config>=0.5\n")
    assert "from app.settings import settings" in migrate(tmp_path)["app/config.py"]


def test_no_variable_takes_the_name_of_something_that_the_class_has(tmp_path):
    """A field called like a method of the settings class would hide it: `JSON`, `SCHEMA_JSON`, `MODEL_DUMP` get other names."""
    from maestro_core_config import BaseConfig

    inherited = sorted(name for name in dir(BaseConfig) if not name.startswith("_"))
    assert len(inherited) > 20
    names = {name: name.upper() for name in inherited}
    text = migrate(
        write(tmp_path, config="import os\n\n" + "".join(f'X_{n} = os.getenv("{n}")\n' for n in names.values()))
    )["app/settings.py"]
    scope: dict[str, object] = {"__name__": "app.settings"}
    exec(compile(text, "settings.py", "exec"), scope)
    fields = vars(scope["Settings"])["__live_fields__"]
    assert len(fields) == len(names)
    assert not set(fields) & set(inherited)


@pytest.mark.parametrize(
    ("variable", "default", "is_secret"),
    [
        ("DB_PASS", '"x"', True),
        ("DBPASS", '"x"', True),
        ("smtp_password", '"x"', True),
        ("KEY_PASSPHRASE", '"x"', True),
        ("ES_BEARER", '""', True),
        ("DB_PW", '"x"', True),
        ("SENTRY_DSN", '""', True),
        ("DATABASE_URL", '"sqlite://"', True),
        ("SQLALCHEMY_DATABASE_URI", '"sqlite://"', True),
        ("AMQP_URI", '"amqp://broker"', True),
        ("REDIS_TLS_URL", '"rediss://"', True),
        ("SLACK_WEBHOOK_URL", '""', True),
        ("JWT_SIGNING_KEY", '""', True),
        ("PASSWORD_SALT", '""', True),
        ("UPSTREAM", '"https://me:word@example.com/x"', True),
        ("UPSTREAM", '"https://example.com:80/a@b"', False),
        ("COMPASS", '"n"', False),
        ("BYPASS_AUTH", '"0"', False),
        ("TOKEN_URL", '""', False),
        ("BASE_URL", '""', False),
        ("PWD", '"."', False),
    ],
)
def test_a_variable_that_holds_a_secret_is_masked(tmp_path, variable, default, is_secret):
    """By its name, or by a default with a password in it; an address of something that hands out secrets is none."""
    changed = migrate(write(tmp_path, a=f'import os\n\nX = os.getenv("{variable}", {default})\n'))
    assert ("= secret(" in changed["app/settings.py"]) is is_secret


def test_what_new_code_would_do_otherwise_is_a_finding(tmp_path):
    """Dialects of booleans and lists, defaults of another type, and constants that are stated twice now; each says what to write."""
    code = """import os

SIZE = 5
DEBUG = os.getenv("DEBUG", "no").lower() == "yes"
HOSTS = os.getenv("HOSTS", "").split(",")
TRIES = os.getenv("TRIES", SIZE)
PORT = int(os.getenv("PORT", "1"))
IS_PROD = os.getenv("MODE") == "prod"
NAMES = os.getenv("NAMES", "").split()
"""
    made = plan(write(tmp_path, a=code), Options(select([RECIPE]), jobs=1))
    told = {finding.reason.partition(":")[0]: finding for finding in made.findings if finding.level == "none"}
    assert set(told) >= {"boolean-dialect", "list-dialect", "mixed-type", "constant-default"}
    assert '`lower_equals("yes")`' in told["boolean-dialect"].reason
    assert "parse=boolean" in told["boolean-dialect"].action
    assert "split_strip_filled" in told["list-dialect"].action
    assert "parse=int" in told["mixed-type"].action
    assert "SIZE in app/a.py" in told["constant-default"].reason
    assert not any(re.search("PORT|MODE|NAMES", finding.reason) for finding in made.findings)


def test_a_second_default_that_comes_later_is_a_finding(tmp_path):
    """A field of an earlier migration counts, too."""
    migrate(write(tmp_path, a='import os\n\nX = os.getenv("MODE", "a")\n'))
    write(tmp_path, a=(tmp_path / "app/a.py").read_text(), b='import os\n\nX = os.getenv("MODE", "b")\n')
    made = plan(tmp_path, Options(select([RECIPE]), jobs=1))
    assert any("two-readings: MODE is read in 2 ways" in finding.reason for finding in made.findings)


def test_a_long_field_is_broken_at_the_services_own_length(tmp_path):
    """As black would break it; what fits stays on its line, and the broken class is read again as it is."""
    code = (
        "import os\n\nRATE = os.environ.get('THE_RATE_OF_REQUESTS_FOR_EACH_OF_THE_CLIENTS', 'a hundred per minute')\n"
        "A = os.environ.get('A', 'b')\n"
    )
    write(tmp_path, config=code)
    (tmp_path / "tox.ini").write_text("[flake8]\nmax-line-length = 79\n")
    after = migrate(tmp_path)["app/settings.py"]
    assert (
        "    the_rate_of_requests_for_each_of_the_clients: str = env(\n"
        '        "THE_RATE_OF_REQUESTS_FOR_EACH_OF_THE_CLIENTS", "a hundred per minute"\n    )\n'
    ) in after
    assert max(map(len, after.splitlines())) <= 79
    assert '    a: str = env("A", "b")\n' in after
    assert migrate(tmp_path) == {}
    late = "import os\n\nRATE = os.environ.get('THE_RATE_OF_REQUESTS_FOR_EACH_OF_THE_CLIENTS', 'ten')\n"
    (tmp_path / "app" / "late.py").write_text(late)
    made = plan(tmp_path, Options(select([RECIPE]), jobs=1))
    assert any("is read in 2 ways" in finding.reason for finding in made.findings)
