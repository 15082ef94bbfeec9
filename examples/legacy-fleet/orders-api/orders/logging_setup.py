"""JSON lines on stdout, each with the id of the request that it belongs to."""

import json
import logging
import logging.config
from contextvars import ContextVar
from datetime import datetime, timezone

from orders import config

request_id_var = ContextVar("request_id", default="-")

# what every record has; anything else came in with extra=
STANDARD = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "request_id"}


class RequestIdFilter(logging.Filter):
    def filter(self, record):
        record.request_id = request_id_var.get()
        return True


class JsonFormatter(logging.Formatter):
    def format(self, record):
        line = {
            "time": datetime.fromtimestamp(record.created, timezone.utc).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "service": config.SERVICE_NAME,
            "request_id": getattr(record, "request_id", "-"),
            "message": record.getMessage(),
        }
        line.update({key: value for key, value in vars(record).items() if key not in STANDARD})
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"request_id": {"()": "orders.logging_setup.RequestIdFilter"}},
    "formatters": {
        "json": {"()": "orders.logging_setup.JsonFormatter"},
        "plain": {"format": "%(asctime)s %(levelname)-7s [%(request_id)s] %(name)s: %(message)s"},
    },
    "handlers": {
        "stdout": {
            "class": "logging.StreamHandler",
            "stream": "ext://sys.stdout",
            "filters": ["request_id"],
            "formatter": "json" if config.LOG_JSON else "plain",
        }
    },
    "root": {"level": config.LOG_LEVEL, "handlers": ["stdout"]},
}


def setup_logging():
    logging.config.dictConfig(LOGGING)
    for name in config.QUIET_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)
