"""Copies secrets mounted by the platform into the environment, before config.py reads it."""

import logging
import os
from pathlib import Path

MOUNT = "/run/secrets/notifier"


def export(folder: str | None = None) -> list[str]:
    path = Path(folder or os.environ.get("SECRETS_DIR", MOUNT))
    if not path.is_dir():
        return []
    written = []
    for item in sorted(path.iterdir()):
        if item.is_file() and not item.name.startswith("."):
            os.environ[item.name.upper()] = item.read_text().strip()
            written.append(item.name.upper())
    logging.info("Exported %d secrets", len(written))
    return written
