"""A logging system of its own for each test: what a test does to loggers is undone after it."""

import logging
from collections.abc import Iterator

import pytest
import structlog

from maestro_core_logging import Logger, _ring, level_overrides, reset_level


def _is_pytest_s(handler: logging.Handler) -> bool:
    return type(handler).__module__.startswith("_pytest.")


@pytest.fixture(autouse=True)
def own_logging() -> Iterator[None]:
    """Run the test on a hierarchy without loggers; the root is as Python makes it."""
    root, manager = logging.root, logging.Logger.manager
    saved = root.level, manager.loggerDict, logging.getLoggerClass(), logging.getLogRecordFactory()
    manager.loggerDict = {}
    root.setLevel(logging.WARNING)
    root.handlers.clear()
    structlog.reset_defaults()
    yield
    structlog.reset_defaults()
    for name in level_overrides():
        reset_level(None if name == "root" else name)
    if "isEnabledFor" in vars(Logger):  # the first debug ring of a process puts itself before these two
        del Logger.isEnabledFor
        Logger._log = _ring._log_beyond_rings
    logging.captureWarnings(False)
    for handler in root.handlers[:]:
        if not _is_pytest_s(handler):
            root.removeHandler(handler)
            handler.close()
    root.__class__ = logging.RootLogger
    manager.loggerDict = saved[1]
    logging.setLoggerClass(saved[2])
    logging.setLogRecordFactory(saved[3])
    root.setLevel(saved[0])


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Keep pytest's own handlers off the root while the test runs: it decides itself who listens."""
    theirs = [handler for handler in logging.root.handlers if _is_pytest_s(handler)]
    for handler in theirs:
        logging.root.removeHandler(handler)
    try:
        return (yield)
    finally:
        for handler in theirs:
            logging.root.addHandler(handler)
