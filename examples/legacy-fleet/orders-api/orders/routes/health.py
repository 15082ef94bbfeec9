import logging
import os
import platform

from fastapi import APIRouter, Depends, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy.orm import Session

from orders import __version__, config
from orders.database import get_db, ping

logger = logging.getLogger(__name__)
router = APIRouter(tags=["health"])


@router.get("/health")
def health(response: Response, db: Session = Depends(get_db)):
    database = ping(db)
    if not database:
        response.status_code = 503
        logger.error("health check failed: database")
    return {
        "status": "ok" if database else "error",
        "service": config.SERVICE_NAME,
        "checks": {"database": "ok" if database else "error"},
    }


@router.get("/version")
def version():
    return {
        "version": __version__,
        "commit": os.getenv("GIT_COMMIT", "unknown"),
        "python": platform.python_version(),
    }


@router.get("/metrics")
def metrics():
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
