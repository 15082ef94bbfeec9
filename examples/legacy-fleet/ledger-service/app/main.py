import time
import uuid
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI, Request
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse
from loguru import logger

from app import __version__
from app.api import api_router, ops
from app.core.config import get_settings
from app.core.logging import setup_logging
from app.core.metrics import REQUEST_SECONDS
from app.core.rabbitmq_client import build_client
from app.db.session import engine

settings = get_settings()
setup_logging(settings)


@asynccontextmanager
async def lifespan(app: FastAPI):
    logger.info("Starting", event="service_startup", status="started", version=__version__)
    await app.state.events.connect()
    yield
    await app.state.events.close()
    await engine.dispose()
    logger.info("Stopped", event="service_shutdown", status="done")


app = FastAPI(
    title=settings.PROJECT_NAME,
    version=__version__,
    openapi_url=None if settings.is_production else f"{settings.API_PREFIX}/openapi.json",
    lifespan=lifespan,
)
app.state.events = build_client()

if settings.BACKEND_CORS_ORIGINS:
    app.add_middleware(
        CORSMiddleware, allow_origins=settings.BACKEND_CORS_ORIGINS, allow_methods=["*"], allow_headers=["*"]
    )


@app.middleware("http")
async def log_requests(request: Request, call_next):
    started = time.perf_counter()
    response = await call_next(request)
    elapsed = time.perf_counter() - started
    REQUEST_SECONDS.labels(method=request.method, status=response.status_code).observe(elapsed)
    logger.info(
        "{method} {path} -> {status}",
        method=request.method,
        path=request.url.path,
        status=response.status_code,
        duration_ms=round(elapsed * 1000, 2),
    )
    return response


# added last, so it runs first: everything below is logged with the request id
@app.middleware("http")
async def request_id(request: Request, call_next):
    request.state.rid = request.headers.get("X-Request-ID") or uuid.uuid4().hex
    with logger.contextualize(request_id=request.state.rid):
        response = await call_next(request)
    response.headers["X-Request-ID"] = request.state.rid
    return response


@app.exception_handler(Exception)
async def unhandled(request: Request, exc: Exception):
    rid = getattr(request.state, "rid", "-")
    logger.opt(exception=exc).error("Unhandled error on {} {}", request.method, request.url.path)
    return JSONResponse({"detail": "Internal error", "request_id": rid}, status_code=500)


app.include_router(ops.router)
app.include_router(api_router, prefix=settings.API_PREFIX)


def run() -> None:
    uvicorn.run("app.main:app", host="0.0.0.0", port=8000, log_config=None, access_log=False)


if __name__ == "__main__":
    run()
