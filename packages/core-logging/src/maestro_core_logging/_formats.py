"""The formats of a line: JSON, logfmt, and text for people."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Literal

from maestro_core_logging._encode import json_line, plain_value
from maestro_core_logging._event import OWN_KEYS, Event

Format = Literal["json", "ecs", "console", "logfmt"]
Renderer = Callable[[Event], bytes]

# The order and the names that ecs-logging's specification asks for.
_ECS_FIRST: Final = {"timestamp": "@timestamp", "level": "log.level", "event": "message"}
_ECS_NAMES: Final = {
    "logger": "log.logger",
    "service": "service.name",
    "exception": "error.stack_trace",
    "trace_id": "trace.id",
    "span_id": "span.id",
    "request_id": "http.request.id",
}
_MULTILINE: Final = ("exception", "stack")


def render_json(event: Event) -> bytes:
    """Write one line of JSON."""
    return json_line(event)


def render_logfmt(event: Event) -> bytes:
    """Write `key=value` pairs on one line, quoted where needed."""
    pairs = [f"{_logfmt_key(key)}={_logfmt_value(value)}" for key, value in event.items()]
    return (" ".join(pairs) + "\n").encode("utf-8", "backslashreplace")


def render_console(event: Event) -> bytes:
    """Write the time, the level and the message for a person's eye, then the fields, then any traceback in full."""
    fields = {k: v for k, v in event.items() if k not in OWN_KEYS and k not in _MULTILINE}
    line = f"{event.get('timestamp', '')} {str(event.get('level', '')).upper():<8} {event.get('event', '')}"
    if event.get("logger"):
        line += f" [{event['logger']}]"
    if fields:
        line += " " + " ".join(f"{key}={_logfmt_value(value)}" for key, value in fields.items())
    for key in _MULTILINE:
        if key in event:
            line += f"\n{event[key]}"
    return f"{line}\n".encode("utf-8", "backslashreplace")


def render_ecs(event: Event) -> bytes:
    """Write one line of JSON with the field names of the Elastic Common Schema 8; a field called like one that is there gets an underscore."""
    rest = dict(event)
    line: Event = {name: rest.pop(key) for key, name in _ECS_FIRST.items() if key in rest}
    line["ecs.version"] = "8.11.0"
    for key, value in rest.items():
        name = _ECS_NAMES.get(key, key)
        line[f"{name}_" if name in line else name] = value
    return json_line(line)


RENDERERS: Final[Mapping[str, Renderer]] = {
    "json": render_json,
    "ecs": render_ecs,
    "console": render_console,
    "logfmt": render_logfmt,
}


def renderer_named(name: str) -> Renderer:
    """
    Give the renderer of a format.

    Raises:
        ValueError: there is no format of that name.
    """
    try:
        return RENDERERS[name]
    except (KeyError, TypeError):
        raise ValueError(f"unknown log format {name!r}: choose one of {', '.join(sorted(RENDERERS))}") from None


def _logfmt_key(key: str) -> str:
    return "".join("_" if c in ' ="' or not c.isprintable() else c for c in str(key)) or "_"


def _logfmt_value(value: object) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int | float):
        return str(value)
    text = value if isinstance(value, str) else _compact(value)
    if text and text.isprintable() and not any(c in text for c in ' ="\\'):
        return text
    return json_line({"": text})[4:-2].decode()


def _compact(value: object) -> str:
    plain = plain_value(value) if not isinstance(value, dict | list | tuple) else value
    return plain if isinstance(plain, str) else json_line({"": plain})[4:-2].decode()
