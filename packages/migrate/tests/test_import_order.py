"""New imports stand where the ones they replace stood, so that a module's statements keep running in their order."""

from pathlib import Path

from maestro_migrate._engine import Options, plan
from maestro_migrate._recipe import select


def migrated(tree: Path, files: dict[str, str], recipe: str) -> dict[str, str]:
    """Return the files that one recipe changes."""
    for name, text in files.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)
    made = plan(tree, Options(select([recipe]), jobs=1))
    return {write.path: (write.after or b"").decode() for write in made.writes}


def test_a_framework_is_imported_no_earlier_than_before(tmp_path: Path) -> None:
    """A policy that a module sets before it imports its framework is still set first."""
    code = (
        "import asyncio\n\n"
        "asyncio.set_event_loop_policy(None)\n\n"
        "from fastapi import FastAPI\n\n"
        "app = FastAPI()\n"
    )
    after = migrated(tmp_path, {"main.py": code}, "api/build_the_app_from_the_library")["main.py"]
    assert after.index("set_event_loop_policy") < after.index("from maestro_core_api import MaestroAPI")


def test_a_late_import_says_so_like_its_neighbours(tmp_path: Path) -> None:
    """Where every import of a run carries `# noqa: E402`, the new one does."""
    code = "import sys\n\nsys.dont_write_bytecode = True\n\nimport json  # noqa: E402\nimport logging  # noqa: E402\n\nlog = logging.getLogger(json.__name__)\n"
    after = migrated(tmp_path, {"main.py": code}, "logging/ask_the_library_for_loggers")["main.py"]
    assert "from maestro_core_logging import get_logger  # noqa: E402\n" in after
