"""Errors as RFC 9457 problem details, for those who opt in."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import HTTPException
from fastapi.responses import PlainTextResponse
from fastapi.testclient import TestClient
from pydantic import BaseModel

from maestro_core_api import MaestroAPI


class Order(BaseModel):
    password: str
    quantity: int


def service(**options: Any) -> MaestroAPI:
    """A service in which everything can go wrong."""
    app = MaestroAPI(problem_details=True, **options)
    raised: dict[str, HTTPException] = {
        "plain": HTTPException(404),
        "text": HTTPException(404, "no such order"),
        "mapping": HTTPException(409, {"detail": "already paid", "type": "/problems/paid", "order": 7, "status": 1}),
        "list": HTTPException(400, ["a", "b"]),
        "headers": HTTPException(401, headers={"WWW-Authenticate": "Basic"}),
        "bodyless": HTTPException(304),
        "unknown": HTTPException(499, ""),
    }

    @app.get("/raise/{name}")
    def fail(name: str) -> None:
        raise raised[name]

    @app.post("/orders")
    def order(order: Order) -> Order:
        return order

    app.get("/crash")(lambda: 1 / 0)
    return app


def problem(path: str, method: str = "GET", **arguments: Any) -> tuple[int, dict[str, Any]]:
    """Give status and document of one failing request, without its request id."""
    client = TestClient(service(), raise_server_exceptions=False)
    answer = client.request(method, path, **arguments)
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert document.pop("request_id") == answer.headers["x-request-id"]
    assert document.pop("instance") == path
    assert document.pop("status") == answer.status_code
    return answer.status_code, document


@pytest.mark.parametrize(
    ("path", "method", "status", "document"),
    [
        ("/nope", "GET", 404, {"type": "about:blank", "title": "Not Found"}),
        ("/crash", "PUT", 405, {"type": "about:blank", "title": "Method Not Allowed"}),
        ("/crash", "GET", 500, {"type": "about:blank", "title": "Internal Server Error"}),
        ("/raise/plain", "GET", 404, {"type": "about:blank", "title": "Not Found"}),
        ("/raise/text", "GET", 404, {"type": "about:blank", "title": "Not Found", "detail": "no such order"}),
        (
            "/raise/mapping",
            "GET",
            409,
            {"type": "/problems/paid", "title": "Conflict", "detail": "already paid", "order": 7},
        ),
        ("/raise/list", "GET", 400, {"type": "about:blank", "title": "Bad Request", "errors": ["a", "b"]}),
        ("/raise/unknown", "GET", 499, {"type": "about:blank", "title": "Error"}),
    ],
)
def test_every_error_is_a_problem(path: str, method: str, status: int, document: dict[str, Any]) -> None:
    """404, 405, 500 and what the service raises have type, title, status, instance and request id."""
    assert problem(path, method) == (status, document)


def test_validation_errors_say_where_and_why_but_not_what() -> None:
    """The 422 has FastAPI's locations and messages, and never the value that was sent."""
    status, document = problem("/orders", "POST", json={"password": ["hunter2"]})
    assert status == 422
    assert [error["loc"] for error in document["errors"]] == [["body", "password"], ["body", "quantity"]]
    assert all(error["msg"] and error["type"] for error in document["errors"])
    assert "hunter2" not in str(document)


def test_headers_and_empty_bodies_stay() -> None:
    """`Allow` and `WWW-Authenticate` are sent; a 304 has no body."""
    client = TestClient(service())
    assert client.post("/crash").headers["allow"] == "GET"
    assert client.get("/raise/headers").headers["www-authenticate"] == "Basic"
    assert client.get("/raise/bodyless").content == b""


def test_handlers_of_the_service_win() -> None:
    """What the service registers itself is used, before and after construction."""
    app = service(exception_handlers={404: lambda request, error: PlainTextResponse("mine", 404)})
    app.exception_handler(Exception)(lambda request, error: PlainTextResponse("caught", 500))
    client = TestClient(app, raise_server_exceptions=False)
    assert client.get("/nope").text == "mine"
    assert client.get("/crash").text == "caught"


def test_debug_pages_stay() -> None:
    """In debug mode a crash shows its traceback, as FastAPI's does."""
    client = TestClient(service(debug=True), raise_server_exceptions=False)
    assert "ZeroDivisionError" in client.get("/crash").text


def test_the_openapi_document_describes_problems() -> None:
    """422 responses are documented as problem+json; FastAPI's error schemas are gone; asking twice is the same."""
    app = service()
    document = app.openapi()
    content = document["paths"]["/orders"]["post"]["responses"]["422"]["content"]
    assert content == {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    assert set(document["components"]["schemas"]) == {"Order", "Problem"}
    assert app.openapi() == document
    assert MaestroAPI(problem_details=True).openapi()["paths"] == {}
