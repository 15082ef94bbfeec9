"""Put the four forms of a report into a directory."""

import contextlib
import os
import tempfile
from pathlib import Path

from ._html import as_html
from ._json import as_json
from ._markdown import as_markdown
from ._model import Report
from ._sarif import as_sarif

__all__ = ["write_report"]


def write_report(report: Report, directory: Path) -> dict[str, Path]:
    """
    Write `report.json`, `.html`, `.md` and `.sarif`, each whole or not at all; return their paths by `json`, `html`, `md`, `sarif`.

    Raises:
        OSError: the directory cannot be written.
    """
    texts = {"json": as_json(report), "html": as_html(report), "md": as_markdown(report), "sarif": as_sarif(report)}
    directory.mkdir(parents=True, exist_ok=True)
    paths = {}
    for form, text in texts.items():
        paths[form] = directory / f"report.{form}"
        _replace(paths[form], text.encode("utf-8", errors="replace"))
    return paths


def _replace(path: Path, content: bytes) -> None:
    descriptor, name = tempfile.mkstemp(prefix=".report-", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
        Path(name).chmod(0o644)  # mkstemp makes private files; a report is for colleagues
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
