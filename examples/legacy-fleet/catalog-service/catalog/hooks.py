import time
import uuid

from flask import current_app, g, request
from prometheus_client import Counter, Histogram

REQUESTS = Counter("catalog_requests_total", "Requests answered", ["endpoint", "method", "status"])
LATENCY = Histogram("catalog_request_seconds", "Seconds until the answer", ["endpoint"])


def before_request():
    g.request_id = request.headers.get("X-Request-Id", uuid.uuid4().hex)
    g.start = time.monotonic()


def after_request(response):
    seconds = time.monotonic() - g.start
    endpoint = request.endpoint or "none"
    REQUESTS.labels(endpoint, request.method, response.status_code).inc()
    LATENCY.labels(endpoint).observe(seconds)
    response.headers["X-Request-Id"] = g.request_id
    response.headers["X-Content-Type-Options"] = "nosniff"
    if current_app.config["LOG_REQUESTS"] and not request.path.startswith(("/health", "/ready", "/metrics")):
        current_app.logger.info(
            "%s %s %s in %.0f ms", request.method, request.path, response.status_code, seconds * 1000
        )
    return response


def teardown_request(error):
    if error is not None:
        current_app.logger.error("request %s ended with %r", g.get("request_id", "-"), error)


def init_app(app):
    app.before_request(before_request)
    app.after_request(after_request)
    app.teardown_request(teardown_request)
    app.logger.debug("hooks installed")
