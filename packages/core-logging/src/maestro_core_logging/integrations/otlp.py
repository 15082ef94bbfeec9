"""
Export of events over OTLP, straight from the pipeline: no stdlib bridge, and redacted like every other line.

Needs the extra `otlp`. Hang it on with `configure_logging(consumers=[OtlpEvents(service_name="orders")])`.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from datetime import time as time_of_day
from typing import Final

from opentelemetry._logs import LoggerProvider, LogRecord, SeverityNumber
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import LoggerProvider as SdkLoggerProvider
from opentelemetry.sdk._logs import ReadableLogRecord, ReadWriteLogRecord
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, LogRecordExportResult
from opentelemetry.sdk.resources import Resource
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context
from opentelemetry.util.types import AnyValue

from maestro_core_logging._event import Event

_SEVERITIES: Final = (
    (50, SeverityNumber.FATAL),
    (40, SeverityNumber.ERROR),
    (30, SeverityNumber.WARN),
    (20, SeverityNumber.INFO),
    (10, SeverityNumber.DEBUG),
    (1, SeverityNumber.TRACE),
)
# Said by the record's own fields instead of by attributes.
_NOT_ATTRIBUTES: Final = frozenset({"timestamp", "level", "logger", "event", "trace_id", "span_id", "trace_sampled"})
_LONGEST_INT: Final = 2**63
_QUEUE_SIZE: Final = 2048  # as OpenTelemetry specifies it
# Of OpenTelemetry, whose loggers' lines are not exported.
_log: Final = logging.getLogger("opentelemetry.maestro_core_logging")


class OtlpEvents:
    """
    A consumer of events that exports them as OTLP log records.

    Without a `provider` it makes one that batches to `endpoint` (the exporter's default, or what the standard
    `OTEL_EXPORTER_OTLP_…` variables say). Batches are sent by a thread; a collector that is down or slow stops nothing, and
    `lost` counts what it did not take and what found no room (`OTEL_BLRP_MAX_QUEUE_SIZE` events may wait). Exit sends what is batched, for five seconds and the request under way at most.
    """

    def __init__(
        self,
        provider: LoggerProvider | None = None,
        *,
        service_name: str | None = None,
        endpoint: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._exporter: _CountingExporter | None = None
        if provider is None:
            self._exporter = _CountingExporter(endpoint=endpoint, headers=dict(headers) if headers else None)
            provider = _batching_provider(service_name, self._exporter)
            atexit.register(self.close)
        self._provider = provider

    @property
    def lost(self) -> int:
        """The number of events that the collector did not take or that found no room; a provider of yours does its own counting."""
        return 0 if self._exporter is None else self._exporter.lost

    def __call__(self, event: Event) -> None:
        """Export one event; those of OpenTelemetry's own loggers are left out, or a failing export would feed itself."""
        logger = _text(str(event.get("logger", "")))
        if logger.partition(".")[0] == "opentelemetry":
            return
        level = str(event.get("level", ""))
        attributes = {_text(key): _any_value(value) for key, value in event.items() if key not in _NOT_ATTRIBUTES}
        if "exception" in attributes:
            attributes["exception.stacktrace"] = attributes.pop("exception")
        self._provider.get_logger(logger).emit(
            LogRecord(
                timestamp=_nanoseconds(event.get("timestamp")),
                context=_trace_context(event),
                severity_text=level.upper(),
                severity_number=_severity(level),
                body=_any_value(event.get("event")),
                attributes=attributes,
            )
        )

    def flush(self, timeout_s: float = 5.0) -> bool:
        """Send what is batched; tell whether all of it arrived in time."""
        force = getattr(self._provider, "force_flush", None)
        if force is None:
            return True
        lost_before, sent = self.lost, threading.Event()

        def send() -> None:
            if force(int(timeout_s * 1000)):
                sent.set()

        # On a thread, since the SDK's own flush waits for every retry of every batch, whatever time it is given.
        sending = threading.Thread(target=send, name="maestro-otlp-flush", daemon=True)
        sending.start()
        sending.join(timeout_s)
        return sent.is_set() and self.lost == lost_before

    def close(self, timeout_s: float = 5.0) -> None:
        """Send what is batched for so long at most, count the rest as lost, and stop the thread."""
        atexit.unregister(self.close)
        if self._exporter is not None:
            self._exporter.give_up_at_s = time.monotonic() + timeout_s
            self._exporter.capacity = 0
        shutdown = getattr(self._provider, "shutdown", None)
        if shutdown is not None:
            shutdown()


class _CountingExporter(OTLPLogExporter):
    """The SDK's exporter, which counts what did not arrive and stops trying when its time is over."""

    lost = 0
    give_up_at_s = float("inf")

    def __init__(self, *, endpoint: str | None, headers: dict[str, str] | None) -> None:
        super().__init__(endpoint=endpoint, headers=headers)
        said = os.environ.get("OTEL_BLRP_MAX_QUEUE_SIZE", "")
        self.capacity = int(said) if said.isdecimal() else _QUEUE_SIZE
        self._start_afresh()

    def _start_afresh(self) -> None:
        """Begin with nothing waiting: at first, and in a forked child, where the SDK forgets what waited in the parent."""
        self._process = os.getpid()
        self._waiting = 0
        self._counting = threading.RLock()  # a signal handler may log

    def has_room(self) -> bool:
        """Tell whether one more event may wait, and count it; the SDK would drop an older one without a word."""
        if self._process != os.getpid():
            self._start_afresh()
        with self._counting:
            if self._waiting < self.capacity:
                self._waiting += 1
                return True
            self.lost += 1
            first = self.lost == 1
        if first:
            _log.warning("events find no room before the collector takes others: they are counted and not exported")
        return False

    def export(self, batch: Sequence[ReadableLogRecord]) -> LogRecordExportResult:
        """Send a batch."""
        late = time.monotonic() >= self.give_up_at_s
        result = LogRecordExportResult.FAILURE
        try:
            if not late:
                result = super().export(batch)
        finally:
            with self._counting:
                self._waiting -= len(batch)
                self.lost += 0 if result is LogRecordExportResult.SUCCESS else len(batch)
        return result


class _CountingProcessor(BatchLogRecordProcessor):
    """The SDK's batches, which take no more than there is room for."""

    def __init__(self, exporter: _CountingExporter) -> None:
        super().__init__(exporter)
        self._has_room = exporter.has_room

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        """Let the record wait, or count it."""
        if self._has_room():
            super().on_emit(log_record)


def _batching_provider(service_name: str | None, exporter: _CountingExporter) -> SdkLoggerProvider:
    resource = Resource.create({"service.name": service_name} if service_name else {})
    provider = SdkLoggerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_log_record_processor(_CountingProcessor(exporter))
    return provider


def _severity(level: str) -> SeverityNumber:
    """Give OTLP's number for a level by its name, which may be one of the application's own or `level 25`."""
    name = level.upper()
    number = logging.getLevelNamesMapping().get(name)
    if number is None:
        said = name.removeprefix("LEVEL ")
        number = int(said) if said.isdecimal() else 0
    return next((severity for least, severity in _SEVERITIES if number >= least), SeverityNumber.UNSPECIFIED)


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
    """Turn a value into one that OTLP knows: a number beyond 64 bits or half a character would spoil its whole batch."""
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int):
        return int(value) if -_LONGEST_INT <= value < _LONGEST_INT else str(value)
    if isinstance(value, date | time_of_day):  # as the line has it
        return value.isoformat()
    if isinstance(value, Mapping):
        return {_text(str(key)): _any_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_any_value(item) for item in value]
    return _text(str(value))


def _text(value: str) -> str:
    return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode()
