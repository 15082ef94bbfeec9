"""The formats of a line: JSON, logfmt, and text for people."""

from __future__ import annotations

import re
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
# What would steer a terminal: of the texts of others, lines and tabs alone are shown as they are.
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
# ECMA-48's renditions of the parts of a line for people, levels by their names.
_RENDITIONS: Final = {
    "time": "2",
    "event": "1",
    "key": "36",
    "debug": "34",
    "info": "32",
    "warning": "33",
    "error": "31",
    "critical": "1;31",
}


def render_json(event: Event) -> bytes:
    """Write one line of JSON."""
    return json_line(event)


def render_logfmt(event: Event) -> bytes:
    """Write `key=value` pairs on one line, quoted where needed."""
    pairs = [f"{_logfmt_key(key)}={_logfmt_value(value)}" for key, value in event.items()]
    return (" ".join(pairs) + "\n").encode("utf-8", "backslashreplace")


def render_console(event: Event) -> bytes:
    """Write the time, the level and the message for a person's eye, then the fields, then any traceback in full."""
    return _for_people(event, lambda _part, text: text)


def render_colors(event: Event) -> bytes:
    """Write what `render_console` does, in colors."""
    return _for_people(
        event, lambda part, text: f"\x1b[{_RENDITIONS[part]}m{text}\x1b[0m" if part in _RENDITIONS else text
    )


def _for_people(event: Event, paint: Callable[[str, str], str]) -> bytes:
    level = str(event.get("level", ""))
    line = f"{paint('time', _shown(event.get('timestamp', '')))} {paint(level, f'{_shown(level).upper():<8}')} {paint('event', _shown(event.get('event', '')))}"
    if event.get("logger"):
        line += f" [{_shown(event['logger'])}]"
    for key, value in event.items():
        if key not in OWN_KEYS and key not in _MULTILINE:
            line += f" {paint('key', _shown(key))}={_logfmt_value(value)}"
    for key in _MULTILINE:
        if key in event:
            line += f"\n{_shown(event[key])}"
    return f"{line}\n".encode("utf-8", "backslashreplace")


def _shown(value: object) -> str:
    return _CONTROL.sub(lambda found: repr(found[0])[1:-1], str(value))


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
