import os

from flask import Blueprint, Response, current_app, jsonify
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import text

import catalog
from catalog.extensions import db

bp = Blueprint("health", __name__)


@bp.get("/health")
def health():
    try:
        db.session.execute(text("SELECT 1"))
    except Exception as e:
        current_app.logger.error("database: " + str(e))
        return jsonify(status="down", version=catalog.__version__), 503
    return jsonify(status="up", version=catalog.__version__, release=os.getenv("RELEASE", "local"))


@bp.get("/ready")
def ready():
    return "ok", 200


@bp.get("/metrics")
def metrics():
    return Response(generate_latest(), content_type=CONTENT_TYPE_LATEST)
