from flask import current_app, g, jsonify
from werkzeug.exceptions import HTTPException


def http_error(error):
    return jsonify(error=error.description, request_id=g.get("request_id")), error.code


def unexpected(error):
    current_app.logger.exception("unexpected error")
    return jsonify(error="internal error", request_id=g.get("request_id")), 500


def init_app(app):
    app.register_error_handler(HTTPException, http_error)
    app.register_error_handler(Exception, unexpected)
