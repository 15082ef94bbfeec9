import logging
import time
import uuid

from starlette.middleware.base import BaseHTTPMiddleware

from orders import config
from orders.logging_setup import request_id_var
from orders.metrics import REQUEST_SECONDS, REQUESTS

logger = logging.getLogger(__name__)
access_log = logging.getLogger("orders.access")


class RequestIdMiddleware(BaseHTTPMiddleware):
    async def dispatch(self, request, call_next):
        request_id = request.headers.get("X-Request-ID") or uuid.uuid4().hex
        token = request_id_var.set(request_id)
        try:
            response = await call_next(request)
        finally:
            request_id_var.reset(token)
        response.headers["X-Request-ID"] = request_id
        return response


class AccessLogMiddleware(BaseHTTPMiddleware):
    async def dispatch(self, request, call_next):
        start = time.perf_counter()
        try:
            response = await call_next(request)
        except Exception:
            logger.exception("unhandled error in %s %s", request.method, request.url.path)
            raise
        seconds = time.perf_counter() - start
        access_log.info(
            "%s %s %s",
            request.method,
            request.url.path,
            response.status_code,
            extra={"status": response.status_code, "seconds": round(seconds, 4)},
        )
        if seconds > config.SLOW_REQUEST_SECONDS:
            logger.warning("slow request: %s took %.1f s", request.url.path, seconds)
        response.headers["X-Response-Time"] = f"{seconds:.4f}"
        return response


class SecurityHeadersMiddleware(BaseHTTPMiddleware):
    async def dispatch(self, request, call_next):
        response = await call_next(request)
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["X-Frame-Options"] = "DENY"
        response.headers["Referrer-Policy"] = "no-referrer"
        if config.IS_PRODUCTION:
            response.headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
        return response


class MetricsMiddleware(BaseHTTPMiddleware):
    async def dispatch(self, request, call_next):
        start = time.perf_counter()
        status = 500
        try:
            response = await call_next(request)
            status = response.status_code
            return response
        finally:
            route = request.scope.get("route")
            path = getattr(route, "path", "unmatched")
            REQUESTS.labels(request.method, path, status).inc()
            REQUEST_SECONDS.labels(request.method, path).observe(time.perf_counter() - start)
