"""Structured logging on structlog, correlated with OpenTelemetry."""
