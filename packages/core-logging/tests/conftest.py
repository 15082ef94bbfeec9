"""A logging system of its own for each test: what a test does to loggers is undone after it."""

import logging
from collections.abc import Iterator

import pytest
import structlog


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
