import hmac
from functools import wraps

from flask import abort, current_app, g, request


def api_key_required(view):
    @wraps(view)
    def wrapper(*args, **kwargs):
        given = request.headers.get("X-Api-Key", "")
        for entry in current_app.config["API_KEYS"]:
            name, _, key = entry.partition(":")
            if key and hmac.compare_digest(key.encode(), given.encode()):
                g.client = name
                return view(*args, **kwargs)
        current_app.logger.warning("refused %s %s: no valid API key", request.method, request.path)
        abort(401, "API key missing or wrong")

    return wrapper
