"""A plugin of coverage.py: code of ours that counts as frames of `logging` is measured in the file that it stands in."""

from __future__ import annotations

import logging
from types import FrameType
from typing import Any

from coverage import CoveragePlugin, FileTracer
from coverage.plugin_support import Plugins


class OwnFiles(FileTracer):
    """What `logging/__init__.py` runs, by the file of each frame's module (see `_frames.py` of core-logging)."""

    def source_filename(self) -> str:
        """Give the name that the code says."""
        return logging.__file__

    def has_dynamic_source_filename(self) -> bool:
        """Say that each frame has to be asked."""
        return True

    def dynamic_source_filename(self, filename: str, frame: FrameType) -> str | None:
        """Give the module's own file; nothing for the standard library's code."""
        written_in: str = frame.f_globals.get("__file__", filename)
        return None if written_in == filename else written_in


class FramesOfLogging(CoveragePlugin):
    """Traces one file of the standard library, for what stands in it by name only."""

    def file_tracer(self, filename: str) -> FileTracer | None:
        """Give the tracer for `logging`."""
        return OwnFiles() if filename == logging.__file__ else None

    def file_reporter(self, filename: str) -> str:  # noqa: ARG002  # coverage's own hook
        """Let coverage read the file as any Python."""
        return "python"


def coverage_init(registry: Plugins, options: dict[str, Any]) -> None:  # noqa: ARG001  # coverage's own hook
    """Register the plugin."""
    registry.add_file_tracer(FramesOfLogging())
