"""A logging system of its own for each test: what a test does to loggers is undone after it."""

import logging
from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture(autouse=True)
def own_logging() -> Iterator[None]:
    """Run the test on a hierarchy without loggers; the root is as Python makes it."""
    root, manager = logging.root, logging.Logger.manager
    saved = root.level, root.handlers[:], manager.loggerDict, logging.getLoggerClass(), logging.getLogRecordFactory()
    manager.loggerDict = {}
    root.setLevel(logging.WARNING)
    structlog.reset_defaults()
    yield
    structlog.reset_defaults()
    logging.captureWarnings(False)
    for handler in root.handlers[:]:
        if handler not in saved[1]:
            handler.close()
    root.__class__ = logging.RootLogger
    root.handlers[:] = saved[1]
    manager.loggerDict = saved[2]
    logging.setLoggerClass(saved[3])
    logging.setLogRecordFactory(saved[4])
    root.setLevel(saved[0])


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Keep pytest's own handlers off the root while the test runs: it decides itself who listens."""
    theirs = [handler for handler in logging.root.handlers if type(handler).__module__.startswith("_pytest.")]
    for handler in theirs:
        logging.root.removeHandler(handler)
    try:
        return (yield)
    finally:
        for handler in theirs:
            logging.root.addHandler(handler)
