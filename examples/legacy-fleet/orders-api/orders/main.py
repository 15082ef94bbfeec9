import logging
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse

from orders import __version__, config
from orders.database import Base, engine
from orders.events import publisher
from orders.logging_setup import request_id_var, setup_logging
from orders.middleware import (
    AccessLogMiddleware,
    MetricsMiddleware,
    RequestIdMiddleware,
    SecurityHeadersMiddleware,
)
from orders.routes import auth, health, orders

logger = logging.getLogger(__name__)


@asynccontextmanager
async def lifespan(app):
    setup_logging()
    Base.metadata.create_all(engine)
    logger.info("%s %s starting in %s", config.SERVICE_NAME, __version__, config.ENVIRONMENT)
    yield
    publisher.close()
    logger.info("stopped")


app = FastAPI(title="Orders", version=__version__, debug=config.DEBUG, lifespan=lifespan)

# the last one added is the outermost
app.add_middleware(MetricsMiddleware)
app.add_middleware(SecurityHeadersMiddleware)
app.add_middleware(AccessLogMiddleware)
app.add_middleware(RequestIdMiddleware)
app.add_middleware(CORSMiddleware, allow_origins=config.CORS_ORIGINS, allow_methods=["*"], allow_headers=["*"])

app.include_router(auth.router)
app.include_router(orders.router)
app.include_router(health.router)


@app.exception_handler(Exception)
async def unexpected(request: Request, exc: Exception):
    return JSONResponse({"detail": "internal error", "request_id": request_id_var.get()}, status_code=500)
