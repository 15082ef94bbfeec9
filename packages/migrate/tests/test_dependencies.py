"""Manifests follow the code: what it needs is declared where it is installed, what it no longer needs goes when nothing names it."""

import re
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from maestro_migrate._dependencies import declare_dependencies
from maestro_migrate._engine import Options, plan
from maestro_migrate._patterns import rewrite
from maestro_migrate._recipe import Recipe
from maestro_migrate._replaced import STANDS_ON
from maestro_migrate._spans import Finding

RECIPE = Recipe(
    "local/log", "Use the library", "", (rewrite("loguru.make($x)", to="maestro_core_logging.get_logger($x)"),),
    needs=("maestro-core-logging",), words=("make",), sites=("loguru.make",),
)  # fmt: skip
SITE = "from loguru import make\n\nlog = make('a')\n"
LIST = "click\nloguru==0.7.2\n"
ADDED = "maestro-core-logging>=0.1"


def planned(root: Path, files: dict[str, str]) -> tuple[dict[str, str], list[Finding]]:
    """Return the manifests' new texts and the findings."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    made = plan(root, Options((RECIPE,), jobs=1))
    assert made.writes
    writes, findings = declare_dependencies(root, made, [RECIPE])
    return {write.path: (write.after or b"").decode() for write in writes}, findings


def test_the_last_import_takes_its_package_along(tmp_path: Path) -> None:
    """The library comes in, what it replaces goes; other lines stay."""
    after, findings = planned(tmp_path, {"app.py": SITE, "requirements.txt": LIST})
    assert after == {"requirements.txt": f"click\n{ADDED}\n"}
    assert not findings


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("other.py", "import loguru\n"),
        ("tests/test_a.py", "def test_a():\n    import loguru\n"),
        ("logging.yaml", "handlers:\n  a:\n    class: loguru.Handler\n"),
        ("app_config.py", "X = {'class': 'loguru.Handler'}\n"),
        ("Dockerfile", "CMD loguru serve\n"),
        ("Procfile", "web: python -m loguru\n"),
        ("setup.cfg", "[options.entry_points]\nconsole_scripts =\n    serve = loguru:main\n"),
        ("pyproject.toml", '[tool.x]\nplugins = ["loguru"]\n'),
        (".github/workflows/ci.yml", "run: pip install loguru\n"),
    ],
)
def test_what_is_still_named_stays_declared(tmp_path: Path, path: str, text: str) -> None:
    """An import elsewhere, a string, a command, a plug-in: the package stays and the finding says where it is named."""
    after, findings = planned(tmp_path, {"app.py": SITE, "requirements.txt": LIST, path: text})
    assert "loguru==0.7.2" in after["requirements.txt"]
    assert [finding.reason for finding in findings] == [
        f"still-named: no code imports loguru any more, but {path} names it"
    ]


@pytest.mark.parametrize("path", ["README.md", "docs/index.rst", "uv.lock"])
def test_prose_and_locks_name_nothing(tmp_path: Path, path: str) -> None:
    """A changelog that tells of a package needs none."""
    after, _ = planned(tmp_path, {"app.py": SITE, "requirements.txt": LIST, path: "uses loguru\n"})
    assert "loguru" not in after["requirements.txt"]


def test_what_the_libraries_stand_on_keeps_its_pin(tmp_path: Path) -> None:
    """Every dependency of the shared libraries is known, so that a pin of one is never taken out."""
    declared = set()
    for page in Path(__file__).parents[2].glob("*/pyproject.toml"):
        project = tomllib.loads(page.read_text())["project"]
        if re.fullmatch(r"maestro-(core-.*|monitoring)", project["name"]):
            extras = [each for group in project.get("optional-dependencies", {}).values() for each in group]
            declared |= {canonicalize_name(Requirement(each).name) for each in [*project["dependencies"], *extras]}
    assert {name for name in declared if not name.startswith(("maestro-", "opentelemetry-"))} <= STANDS_ON


def test_examples_and_documentation_ask_nothing_of_a_library(tmp_path: Path) -> None:
    """What is not installed with the distribution is a finding instead of a dependency."""
    files = {
        "examples/app.py": SITE,
        "src/lib/__init__.py": "",
        "pyproject.toml": '[project]\nname = "lib"\ndependencies = ["click"]\n',
    }
    after, findings = planned(tmp_path, files)
    assert not after
    assert [finding.reason.partition(":")[0] for finding in findings] == ["not-installed"]


@pytest.mark.parametrize(
    "files",
    [
        {"samples/app.py": SITE, "requirements.txt": "click\n"},
        {
            "samples/app.py": SITE,
            "requirements.txt": "click\n",
            "setup.py": "from setuptools import setup\nsetup()\n",
            "Dockerfile": 'CMD ["uvicorn", "samples.app:app"]\n',
        },
    ],
)
def test_an_application_may_be_called_a_sample(tmp_path: Path, files: dict[str, str]) -> None:
    """Its requirements install what it has, and an image says what it runs."""
    after, findings = planned(tmp_path, files)
    assert after == {"requirements.txt": f"click\n{ADDED}\n"}
    assert not findings


def test_an_example_with_manifests_of_its_own_declares_there(tmp_path: Path) -> None:
    """The innermost folder with a manifest is what installs the code."""
    files = {"examples/web/app.py": SITE, "examples/web/requirements.txt": LIST, "requirements.txt": "click\n"}
    after, findings = planned(tmp_path, files)
    assert after == {"examples/web/requirements.txt": f"click\n{ADDED}\n"}
    assert not findings


def test_a_part_with_its_own_requirements_gets_what_it_runs(tmp_path: Path) -> None:
    """`requirements-worker.txt` serves `worker`, which imports migrated code; `requirements-cron.txt` serves code that does not."""
    files = {
        "shared/log.py": SITE,
        "worker/main.py": "from shared.log import log\n",
        "cron.py": "print('x')\n",
        "requirements.txt": "click\n",
        "requirements-worker.txt": "click\n",
        "requirements-cron.txt": "click\n",
        "requirements-dev.txt": "pytest\n",
    }
    after, findings = planned(tmp_path, files)
    assert after == {"requirements.txt": f"click\n{ADDED}\n", "requirements-worker.txt": f"click\n{ADDED}\n"}
    assert not findings


def test_a_list_that_serves_nobody_knows_whom_is_a_finding(tmp_path: Path) -> None:
    """Nothing is guessed: the finding says what to add and when."""
    files = {"app.py": SITE, "requirements.txt": "click\n", "requirements-gpu.txt": "torch\n"}
    after, [finding] = planned(tmp_path, files)
    assert list(after) == ["requirements.txt"]
    assert finding.path == "requirements-gpu.txt"
    assert "unclear-scope" in finding.reason
    assert "maestro-core-logging" in finding.action


def test_no_list_is_taken_for_the_main_one_where_a_project_declares_its_own(tmp_path: Path) -> None:
    """What measures coverage needs no library, and a list of another name may serve anything."""
    files = {
        "app.py": SITE,
        "pyproject.toml": '[project]\nname = "x"\ndependencies = ["click"]\n',
        "requirements/coverage.in": "coverage\n",
        "requirements/pip-tools.in": "pip-tools\n",
        "requirements/gpu.in": "torch\n",
    }
    after, [finding] = planned(tmp_path, files)
    assert list(after) == ["pyproject.toml"]
    assert finding.path == "requirements/gpu.in"


def test_a_list_of_requirements_makes_no_pipfiles_lock_stale(tmp_path: Path) -> None:
    """Pipenv reads its Pipfile and nothing else, so one finding tells of its lock."""
    files = {
        "app.py": SITE,
        "Pipfile": '[packages]\nclick = "*"\n',
        "Pipfile.lock": "{}",
        "requirements.txt": "click\n",
    }
    after, [finding] = planned(tmp_path, files)
    assert sorted(after) == ["Pipfile", "requirements.txt"]
    assert "Pipfile no longer says" in finding.reason


def test_a_list_that_includes_the_main_one_is_served_by_it(tmp_path: Path) -> None:
    """Whatever installs it installs the library, too."""
    files = {
        "app.py": SITE,
        "requirements/base.txt": "click\n",
        "requirements/prod.txt": "-r base.txt\nuvicorn\n",
        "requirements/worker.txt": "-r prod.txt\n",
    }
    after, findings = planned(tmp_path, files)
    assert list(after) == ["requirements/base.txt"]
    assert not findings


def test_a_distribution_is_declared_once_with_the_extras_of_all_changes(tmp_path: Path) -> None:
    """Two recipes that need one library, one of them with an extra, add one line, also to Poetry's table."""
    recipes = [replace(RECIPE, needs=("lib-x",)), replace(RECIPE, id="local/other", needs=("lib-x[extra]",))]
    (tmp_path / "app.py").write_text(SITE)
    (tmp_path / "pyproject.toml").write_text(
        '[tool.poetry]\nname = "x"\n[tool.poetry.dependencies]\npython = "^3.11"\n'
    )
    made = plan(tmp_path, Options((RECIPE,), jobs=1))
    [write] = made.writes
    changes = (*write.changes, replace(write.changes[0], recipe="local/other"))
    made.writes = [replace(write, changes=changes)]
    [after], _ = declare_dependencies(tmp_path, made, recipes)
    assert b"lib-x" in (after.after or b"")
    assert (after.after or b"").count(b"lib-x") == 1
    assert b"extra" in (after.after or b"")
