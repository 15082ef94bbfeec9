"""Operators' knobs: NOTIFIER_<KEY> variables, re-read on SIGHUP."""

import logging
import os

from notifier.settings import settings

log = logging.getLogger("notifier.control")

DEFAULTS = {
    "max_attempts": 3,
    "retry_delay": 0.5,
    "max_per_user_per_hour": 20,
    "log_summary": True,
}


def load() -> dict:
    values = {}
    for key, default in DEFAULTS.items():
        text = os.environ.get(f"notifier_{key}".upper())
        if text is None:
            continue
        if isinstance(default, bool):
            values[key] = text.lower() in ("1", "true", "on")
        elif isinstance(default, int):
            values[key] = int(text)
        else:
            values[key] = type(default)(text)
    return values


def reload_rules() -> dict:
    try:
        values = load()
    except ValueError as e:
        log.warn("Rules not changed: %s", e)
        return {}
    for key, value in values.items():
        setattr(settings, key.upper(), value)
    log.info("Rules changed: " + ", ".join(sorted(values)), extra={"rules": values})
    return values
