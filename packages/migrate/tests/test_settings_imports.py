"""However a service is started, the settings module that it gained can be imported, and imports nothing of the service."""

import ast
import os
import subprocess
import sys
import zipapp
from pathlib import Path

import pytest

from maestro_migrate._engine import plan
from maestro_migrate._recipe import select
from maestro_migrate._scan import Options

FILES = {
    "main.py": 'import os\n\nfrom app.config import PORT\nfrom app.jobs.nightly import run\n\n\ndef main():\n    print(PORT, run(), os.getenv("REGION", "eu"))\n\n\nif __name__ == "__main__":\n    main()\n',
    "app/__init__.py": 'import os\n\nVERSION = os.getenv("VERSION", "1")\n',
    "app/__main__.py": "import os\n\nfrom .config import PORT\n\nprint(PORT, os.environ['NAME'])\n",
    "app/config.py": 'import os\n\nPORT = int(os.getenv("PORT", "80"))\n',
    "app/jobs/__init__.py": "",
    "app/jobs/nightly.py": 'import os\n\nfrom app.config import PORT\n\n\ndef run():\n    return os.environ["NAME"], PORT\n\n\nif __name__ == "__main__":\n    print(run())\n',
    "app/tool.py": 'import os\n\nif __name__ == "__main__":\n    print(os.getenv("NAME"))\n',
    "scripts/seed.py": 'import os\n\nprint(os.getenv("NAME"))\n',
    "tests/conftest.py": 'import os\n\nos.environ["NAME"] = "tested"\n',
    "tests/test_app.py": 'from app.config import PORT\nfrom app.jobs.nightly import run\n\n\ndef test_run(monkeypatch):\n    assert run() == ("tested", PORT)\n    monkeypatch.setenv("NAME", "later")\n    assert run()[0] == "later"\n',
    "pyproject.toml": '[project]\nname = "app"\nversion = "1"\n\n[tool.pytest.ini_options]\npythonpath = ["."]\n',
}
STARTS = {
    "a script in the root": (["main.py"], "."),
    "a script from another folder": (["../service/main.py"], "../elsewhere"),
    "python -m": (["-m", "app"], "."),
    "python -m of a module": (["-m", "app.jobs.nightly"], "."),
    "a script inside the package": (["app/tool.py"], "."),
    "a script in a folder": (["scripts/seed.py"], "."),
    "pytest in the root": (["-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly"], "."),
    "pytest from another folder": (["-m", "pytest", "-q", "-p", "no:randomly", "--rootdir=../service", "-c", "../service/pyproject.toml", "../service/tests"], "../elsewhere"),
    "an import by name": (["-c", "import app.jobs.nightly as n; print(n.run())"], "."),
    "isolated, as installed": (["-I", "-c", "import sys; sys.path.insert(0, '../service'); import app.config, app; print(app.config.PORT, app.VERSION)"], "../elsewhere"),
    "a zip archive": (["../service.pyz"], "../elsewhere"),
}  # fmt: skip


@pytest.fixture(scope="module")
def trees(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return the service as it was and as it is, each in a folder called `service` with an empty neighbour."""
    old, new = (tmp_path_factory.mktemp(name) for name in ("old", "new"))
    for home in (old, new):
        (home / "elsewhere").mkdir()
        for path, text in FILES.items():
            (home / "service" / path).parent.mkdir(parents=True, exist_ok=True)
            (home / "service" / path).write_text(text)
    made = plan(new / "service", Options(select(["config"]), jobs=1))
    for write in made.writes:
        (new / "service" / write.path).write_bytes(write.after or b"")
    assert {"main.py", "app/config.py", "app/jobs/nightly.py", "app/__main__.py"} <= {w.path for w in made.writes}
    for home in (old, new):
        zipapp.create_archive(home / "service", home / "service.pyz", main="main:main")
    return old / "service", new / "service"


def started(service: Path, arguments: list[str], folder: str) -> tuple[int, str]:
    """Start the service in one way and return its exit status and what it printed, times aside."""
    environment = {**os.environ, "NAME": "n", "PORT": "8", "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("PYTHONPATH", None)
    done = subprocess.run(
        [sys.executable, *arguments], cwd=service / folder, env=environment, capture_output=True, text=True, check=False
    )
    printed = done.stdout if "pytest" not in arguments else done.stdout.partition(" in ")[0]
    return done.returncode, printed or done.stderr[-500:]


@pytest.mark.parametrize("way", STARTS)
def test_the_settings_can_be_imported_however_the_service_is_started(way: str, trees: tuple[Path, Path]) -> None:
    """Each way of starting that worked works, and prints what it printed."""
    old, new = (started(service, *STARTS[way]) for service in trees)
    assert old[0] == 0, old
    assert new == old


def test_the_settings_module_imports_nothing_of_the_service(trees: tuple[Path, Path]) -> None:
    """So whoever imports it first, no circle of imports can fail."""
    homes = [path for path in trees[1].rglob("settings.py") if "maestro_core_config" in path.read_text()]
    assert len(homes) == 1
    for home in homes:
        imports = [
            name
            for node in ast.walk(ast.parse(home.read_text()))
            if isinstance(node, ast.Import | ast.ImportFrom)
            for name in ([node.module] if isinstance(node, ast.ImportFrom) else [each.name for each in node.names])
        ]
        assert set(imports) <= {"maestro_core_config", "pathlib", "typing"}


def test_a_second_run_changes_nothing(trees: tuple[Path, Path]) -> None:
    """Findings stay, writes do not."""
    made = plan(trees[1], Options(select(["config"]), jobs=1))
    assert made.writes == []
    assert any("import-unproven" in finding.reason and finding.path == "app/tool.py" for finding in made.findings)


STARTER = "import os\n\nfrom app import VERSION\n\nprint(VERSION, os.getenv('PORT'))\n"
LATE = (
    "import os\n\nos.environ.setdefault('VERSION', '2')\nfrom app import VERSION\n\nprint(VERSION, os.getenv('PORT'))\n"
)
ALONE = "import os\n\nprint(os.getenv('PORT'))\n"


@pytest.mark.parametrize(
    ("beside", "homes"),
    [
        ({"run.py": STARTER}, {"app/settings.py"}),
        ({"run.py": STARTER, "wsgi.py": STARTER, "test_all.py": ALONE}, {"app/settings.py"}),
        ({"run.py": STARTER, "seed.py": ALONE}, {"app/settings.py", "settings.py"}),
        ({"run.py": LATE}, {"app/settings.py", "settings.py"}),
        ({"run.py": STARTER.replace("import os", "import os\nimport jobs"), "jobs/__init__.py": ALONE}, {"app/settings.py", "jobs/settings.py", "settings.py"}),
    ],
    ids=["one", "several", "one without the package", "the package is imported later", "two packages"],
)  # fmt: skip
def test_what_starts_a_package_shares_its_settings(beside: dict[str, str], homes: set[str], tmp_path: Path) -> None:
    """`run.py` beside `app/` needs no settings file of its own where it has imported the package before it does anything else."""
    files = {"app/__init__.py": "import os\n\nVERSION = os.getenv('VERSION', '1')\n", **beside}
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    made = plan(tmp_path, Options(select(["config"]), jobs=1))
    assert {write.path for write in made.writes if write.path.endswith("settings.py")} == homes
    for write in made.writes:
        (tmp_path / write.path).write_bytes(write.after or b"")
    assert not plan(tmp_path, Options(select(["config"]), jobs=1)).writes
