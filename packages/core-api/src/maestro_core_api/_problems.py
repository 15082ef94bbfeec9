"""Error bodies as RFC 9457 problem details, for services that opt in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

MEDIA_TYPE = "application/problem+json"

# RFC 9457 section 3.1; members of these names keep their meaning whatever a `detail` mapping says.
_RESERVED = frozenset({"type", "title", "status", "detail", "instance"})
_BODYLESS = frozenset({204, 205, 304})

PROBLEM_SCHEMA: dict[str, Any] = {
    "title": "Problem",
    "description": "An error as RFC 9457 describes it.",
    "type": "object",
    "required": ["type", "title", "status"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference", "default": "about:blank", "title": "Type"},
        "title": {"type": "string", "title": "Title"},
        "status": {"type": "integer", "minimum": 100, "maximum": 599, "title": "Status"},
        "detail": {"type": "string", "title": "Detail"},
        "instance": {"type": "string", "format": "uri-reference", "title": "Instance"},
        "request_id": {"type": "string", "title": "Request Id"},
        "errors": {"type": "array", "items": {"type": "object"}, "title": "Errors"},
    },
}


def problem_handlers() -> dict[int | type[Exception], Callable[..., Any]]:
    """Give the exception handlers that turn every error of an application into a problem."""
    return {
        HTTPException: _http_problem,
        RequestValidationError: _validation_problem,
        Exception: _server_problem,
    }


def problem_openapi(document: dict[str, Any]) -> dict[str, Any]:
    """Describe validation errors as problems in an OpenAPI document, which is changed in place."""
    schemas = document.get("components", {}).get("schemas", {})
    was_described = schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    if was_described is None:
        return document
    schemas["Problem"] = PROBLEM_SCHEMA
    for path in document.get("paths", {}).values():
        for operation in path.values():
            if isinstance(operation, dict):
                _describe_problems(operation)
    return document


def _describe_problems(operation: dict[str, Any]) -> None:
    for response in operation.get("responses", {}).values():
        content = response.get("content", {})
        schema = content.get("application/json", {}).get("schema", {})
        if schema.get("$ref") == "#/components/schemas/HTTPValidationError":
            response["content"] = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}


async def _http_problem(request: Request, error: HTTPException) -> Response:
    headers = getattr(error, "headers", None)
    if error.status_code < 200 or error.status_code in _BODYLESS:
        return Response(status_code=error.status_code, headers=headers)
    return _problem(request, error.status_code, headers=headers, **_members(error))


async def _validation_problem(request: Request, error: RequestValidationError) -> Response:
    # Without `input`: what was sent may be a password, and the sender knows it.
    errors = [
        {key: value for key, value in entry.items() if key not in ("input", "ctx", "url")} for entry in error.errors()
    ]
    return _problem(request, 422, detail="the request does not fit its schema", errors=jsonable_encoder(errors))


async def _server_problem(request: Request, _: Exception) -> Response:
    return _problem(request, 500)


def _members(error: HTTPException) -> dict[str, Any]:
    detail: Any = error.detail
    title = _title(error.status_code)
    if isinstance(detail, Mapping):
        members = {str(key): value for key, value in detail.items() if key not in _RESERVED}
        texts = {key: str(detail[key]) for key in ("type", "title", "detail") if key in detail}
        return jsonable_encoder({**members, **texts})  # type: ignore[no-any-return]  # a dict comes back as a dict
    if isinstance(detail, list | tuple):
        return {"errors": jsonable_encoder(detail)}
    return {} if detail in (None, "", title) else {"detail": str(detail)}


def _problem(request: Request, status: int, *, headers: Mapping[str, str] | None = None, **members: Any) -> Response:
    document: dict[str, Any] = {
        "type": "about:blank",
        "title": _title(status),
        "status": status,
        **members,
        "instance": request.url.path,
    }
    request_id = request.scope.get("state", {}).get("request_id")
    if request_id is not None:
        document["request_id"] = request_id
    return JSONResponse(document, status, dict(headers or {}), media_type=MEDIA_TYPE)


def _title(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"
