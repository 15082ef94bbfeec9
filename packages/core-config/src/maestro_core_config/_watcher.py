"""The watcher: settings loaded again when one of their files says something else, or when it is time to ask Vault."""

from __future__ import annotations

import hashlib
import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from ._layers import possible_files
from ._places import paths_of
from ._reload import Change, ReloadRefused, reload
from ._sources import load_of
from .crypto import KEYS_VARIABLE

_log: Final = logging.getLogger("maestro_core_config")


class FileWatcher:
    """Reloads settings when one of their files changes; `check()` looks once, `start()` looks from a thread.

    What counts is what the files say: a file touched, or replaced by an equal one, is no change, and a link that
    points elsewhere is one, as when Kubernetes updates a mounted ConfigMap or Secret. With `reload_every_s` the
    settings are loaded again without one, too, for what is not in files: secrets that Vault keeps.
    """

    def __init__(
        self,
        settings: Any,
        *,
        interval_s: float = 2.0,
        reload_every_s: float | None = None,
        on_refused: Callable[[ReloadRefused], object] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._interval_s = interval_s
        self._reload_every_s = reload_every_s
        self._on_refused = on_refused
        self._clock = clock
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._seen = _contents(settings)
        self._loaded_at = clock()

    def check(self) -> tuple[Change[Any], ...]:
        """Reload if it is time to, or if a file says something else than at the last look; a refusal goes to `on_refused`.

        What was refused is tried again when a file changes once more.
        """
        now = _contents(self._settings)
        late = self._reload_every_s is not None and self._clock() - self._loaded_at >= self._reload_every_s
        if now == self._seen and not late:
            return ()
        self._seen, self._loaded_at = now, self._clock()
        try:
            return reload(self._settings)
        except ReloadRefused as exc:
            self._on_refused(exc)
            return ()

    def start(self) -> None:
        """Look again and again from a daemon thread until `close()`."""
        if self._thread is None or not self._thread.is_alive():  # closed, or of the process that forked this one
            self._stop.clear()
            self._thread = threading.Thread(target=self._run, name="maestro config watcher", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Stop looking."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self._interval_s):
            try:
                self.check()
            except Exception as exc:  # noqa: BLE001 - a validator or `on_refused`, of the service's own; keep looking
                _log.error("%s not reloaded: %s", type(self._settings).__name__, type(exc).__name__)


def watched_files(settings: Any) -> list[Path]:
    """List the files that settings come from, optional ones that do not exist yet and mounted secrets included."""
    options, arguments = type(settings).model_config, load_of(settings).arguments
    found = possible_files(options)
    found += paths_of(arguments.get("_env_file") or options.get("env_file"))
    for folder in paths_of(arguments.get("_secrets_dir") or options.get("secrets_dir")):
        found += sorted(folder.iterdir()) if folder.is_dir() else []
    for name in ("toml_file", "yaml_file", "json_file"):  # of pydantic-settings' own sources
        found += paths_of(options.get(name))
    return [*found, *paths_of(os.environ.get(f"{KEYS_VARIABLE}_FILE"))]


def _contents(settings: Any) -> dict[Path, bytes | None]:
    found: dict[Path, bytes | None] = {}
    for path in watched_files(settings):
        try:
            found[path] = hashlib.sha256(path.read_bytes()).digest()
        except OSError:
            found[path] = None
    return found
