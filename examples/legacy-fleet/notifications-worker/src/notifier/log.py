import collections
import logging
import os
import sys
import threading

from notifier import config

_local = threading.local()

NOISY = ["aiokafka", "aiokafka.conn", "kafka", "httpx", "httpcore", "asyncio", "urllib3"]


def set_event_id(event_id):
    _local.event_id = event_id


class EventFilter(logging.Filter):
    """Puts the id of the event being handled on every record."""

    def filter(self, record):
        record.event_id = getattr(_local, "event_id", None) or "-"
        return True


class LastErrors(logging.Handler):
    """Keeps the latest errors for the liveness file."""

    def __init__(self, size=20):
        super().__init__(level=logging.ERROR)
        self.lines = collections.deque(maxlen=size)

    def emit(self, record):
        self.lines.append(self.format(record))


def text_format():
    if any("KUBERNETES" in key for key in os.environ):
        # the node's agent adds the time
        return "%(levelname)s %(name)s [%(event_id)s] %(message)s"
    return "%(asctime)s %(levelname)-7s %(name)s [%(event_id)s] %(message)s"


def setup(level=None, errors=None):
    """Attaches the service's handlers to its own logger; calling it again only changes the level."""
    log = logging.getLogger("notifier")
    log.setLevel(getattr(logging, (level or config.LOG_LEVEL).upper(), logging.INFO))
    if len(log.handlers) == 0:
        if config.LOG_CONSOLE:
            handler = logging.StreamHandler(sys.stdout)
            handler.setFormatter(logging.Formatter(text_format()))
            handler.addFilter(EventFilter())
            log.addHandler(handler)
        log.addHandler(errors or LastErrors())
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.ERROR)
    return log


def quiet_root():
    root = logging.getLogger()
    root.setLevel(logging.WARNING)
    for handler in root.handlers:
        handler.addFilter(EventFilter())
