"""Endpoints for machines, outside the versioned API."""

from fastapi import APIRouter, Depends, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from app import __version__
from app.api.deps import DB, AppSettings, get_events
from app.db.session import ping

router = APIRouter(include_in_schema=False)


@router.get("/__lbheartbeat__")
async def lbheartbeat():
    return {}


@router.get("/__heartbeat__")
async def heartbeat(db: DB, events=Depends(get_events)):
    checks = {"database": await ping(db), "events": events.is_connected}
    return JSONResponse(checks, status_code=200 if all(checks.values()) else 503)


@router.get("/__version__")
async def version(settings: AppSettings):
    return {"name": settings.PROJECT_NAME, "version": __version__, "environment": settings.ENVIRONMENT}


@router.get("/metrics")
async def metrics():
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
