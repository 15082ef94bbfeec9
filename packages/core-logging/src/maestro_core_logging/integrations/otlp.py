"""
Export of events over OTLP, straight from the pipeline: no stdlib bridge, and redacted like every other line.

Needs the extra `otlp`. Hang it on with `configure_logging(consumers=[OtlpEvents(service_name="orders")])`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from opentelemetry._logs import LoggerProvider, LogRecord, SeverityNumber
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import LoggerProvider as SdkLoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context
from opentelemetry.util.types import AnyValue

from maestro_core_logging._event import Event

_SEVERITIES: Final = {
    "debug": SeverityNumber.DEBUG,
    "info": SeverityNumber.INFO,
    "warning": SeverityNumber.WARN,
    "error": SeverityNumber.ERROR,
    "critical": SeverityNumber.FATAL,
}
# Said by the record's own fields instead of by attributes.
_NOT_ATTRIBUTES: Final = frozenset({"timestamp", "level", "logger", "event", "trace_id", "span_id", "trace_sampled"})
_LONGEST_INT: Final = 2**63


class OtlpEvents:
    """
    A consumer of events that exports them as OTLP log records.

    Without a `provider` it makes one that batches to `endpoint` (the exporter's default, or what the standard
    `OTEL_EXPORTER_OTLP_…` variables say). Batches are sent by a thread; a collector that is down stops nothing.
    """

    def __init__(
        self,
        provider: LoggerProvider | None = None,
        *,
        service_name: str | None = None,
        endpoint: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._provider = provider or _batching_provider(service_name, endpoint, headers)

    def __call__(self, event: Event) -> None:
        """Export one event; those of OpenTelemetry's own loggers are left out, or a failing export would feed itself."""
        logger = str(event.get("logger", ""))
        if logger.partition(".")[0] == "opentelemetry":
            return
        level = str(event.get("level", ""))
        attributes = {key: _any_value(value) for key, value in event.items() if key not in _NOT_ATTRIBUTES}
        if "exception" in attributes:
            attributes["exception.stacktrace"] = attributes.pop("exception")
        self._provider.get_logger(logger).emit(
            LogRecord(
                timestamp=_nanoseconds(event.get("timestamp")),
                context=_trace_context(event),
                severity_text=level.upper(),
                severity_number=_SEVERITIES.get(level, SeverityNumber.UNSPECIFIED),
                body=_any_value(event.get("event")),
                attributes=attributes,
            )
        )

    def flush(self, timeout_s: float = 5.0) -> bool:
        """Send what is batched; tell whether it was sent in time."""
        force = getattr(self._provider, "force_flush", None)
        return True if force is None else bool(force(int(timeout_s * 1000)))

    def close(self) -> None:
        """Send what is batched and stop the thread."""
        shutdown = getattr(self._provider, "shutdown", None)
        if shutdown is not None:
            shutdown()


def _batching_provider(
    service_name: str | None, endpoint: str | None, headers: Mapping[str, str] | None
) -> SdkLoggerProvider:
    resource = Resource.create({"service.name": service_name} if service_name else {})
    provider = SdkLoggerProvider(resource=resource)
    exporter = OTLPLogExporter(endpoint=endpoint, headers=dict(headers) if headers else None)
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
    return provider


def _nanoseconds(timestamp: object) -> int | None:
    """Give the time that the line bears, which is the call's and not the export's."""
    try:
        moment = datetime.fromisoformat(str(timestamp))
    except ValueError:  # a processor wrote its own kind of time
        return None
    return int(moment.timestamp()) * 1_000_000_000 + moment.microsecond * 1_000


def _trace_context(event: Event) -> Context:
    """Give the span of the call from the event itself: lines of a debug ring are exported after it has ended."""
    trace_id, span_id = event.get("trace_id"), event.get("span_id")
    if not isinstance(trace_id, str) or not isinstance(span_id, str):
        return Context()
    try:
        flags = TraceFlags(TraceFlags.SAMPLED if event.get("trace_sampled") else TraceFlags.DEFAULT)
        span = SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=False, trace_flags=flags)
    except ValueError:  # somebody's own trace ids, which are attributes of no span
        return Context()
    return set_span_in_context(NonRecordingSpan(span), Context())


def _any_value(value: object) -> AnyValue:
    """Turn a value into one that OTLP knows; a number beyond 64 bits would spoil its whole batch."""
    if value is None or isinstance(value, str | bool | float):
        return value
    if isinstance(value, int):
        return int(value) if -_LONGEST_INT <= value < _LONGEST_INT else str(value)
    if isinstance(value, Mapping):
        return {str(key): _any_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_any_value(item) for item in value]
    return str(value)
