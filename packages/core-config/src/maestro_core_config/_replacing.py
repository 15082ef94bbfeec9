"""Files replaced whole: a crash leaves the old content or the new, never half of one."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path


def replace_file(path: Path, content: bytes) -> None:
    """Replace a file's content at once; an existing one keeps its mode and owner, a link stays one, a new file is for its owner only."""
    path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        if path.exists():
            before = path.stat()
            with contextlib.suppress(PermissionError):  # who may not, takes the file over
                shutil.chown(name, before.st_uid, before.st_gid)
            shutil.copymode(path, name)
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(name).unlink()
        raise
