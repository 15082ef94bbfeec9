"""Prometheus metrics, OpenTelemetry traces, Grafana dashboards and alerts."""
