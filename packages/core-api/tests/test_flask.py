"""Flask applications answer the same with `instrument` around them, and gain what it adds."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Blueprint, Flask, Response, abort, jsonify, request, send_file, session, stream_with_context
from prometheus_client import CollectorRegistry
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.routing import BaseConverter

from maestro_core_api import instrument
from maestro_core_logging import current_context
from maestro_monitoring import RequestMetrics
from maestro_monitoring.testing import metric_value

ADDED = {"x-request-id", "x-content-type-options", "x-frame-options", "referrer-policy"}


class Pattern(BaseConverter):
    """A converter that takes a regular expression, as services write it."""

    def __init__(self, url_map: Any, regex: str) -> None:
        super().__init__(url_map)
        self.regex = regex


def orders() -> Flask:
    """A service with the usual: blueprints, hooks, errors, sessions, streams and files."""
    app = Flask("orders")
    app.secret_key = "s"
    orders = Blueprint("orders", __name__, url_prefix="/orders")

    @orders.get("/<int:order_id>")
    def read(order_id: int) -> Response:
        return jsonify(id=order_id, q=request.args)

    @orders.route("/", methods=["POST", "PUT"])
    def write() -> tuple[dict[str, Any], int, dict[str, str]]:
        return {"got": request.get_json()}, 201, {"X-Frame-Options": "SAMEORIGIN"}

    @app.get("/stream")
    def stream() -> Response:
        def lines() -> Iterator[str]:
            for number in range(3):
                yield f"{request.path} {number}\n"

        return Response(stream_with_context(lines()), mimetype="text/plain")

    @app.get("/file")
    def file() -> Response:
        return send_file(io.BytesIO(b"content"), download_name="f.txt")

    @app.get("/count")
    def count() -> str:
        session["n"] = session.get("n", 0) + 1
        return str(session["n"])

    @app.get("/boom")
    def boom() -> str:
        raise ValueError("boom")

    app.get("/teapot")(lambda: abort(418))
    app.before_request(lambda: "stopped" if request.args.get("stop") else None)
    app.errorhandler(404)(lambda error: ({"missing": request.path}, 404))
    app.register_blueprint(orders)
    return app


REQUESTS: list[tuple[str, str, dict[str, Any]]] = [
    ("GET", "/orders/3?a=1", {}),
    ("HEAD", "/orders/3", {}),
    ("OPTIONS", "/orders/3", {}),
    ("DELETE", "/orders/3", {}),
    ("GET", "/orders/x", {}),
    ("POST", "/orders/", {"json": {"a": 1}}),
    ("POST", "/orders/", {"data": b"{", "content_type": "application/json"}),
    ("GET", "/orders", {}),
    ("GET", "/stream", {}),
    ("GET", "/file", {}),
    ("GET", "/file", {"headers": {"Range": "bytes=0-1"}}),
    ("GET", "/count", {}),
    ("GET", "/count", {}),
    ("GET", "/boom", {}),
    ("GET", "/teapot", {}),
    ("GET", "/nope", {}),
    ("GET", "/nope?stop=1", {}),
    ("FOO", "/count", {}),
    ("POST", "/livez", {}),
    ("PATCH", "/orders", {}),
    ("GET", "/teapot", {"headers": {"Host": "a b/c"}, "query_string": "x=%ff"}),
    ("GET", "/nope", {"headers": {"Host": "[::1"}}),
    ("GET", "/%ff/\u00e9", {}),
]


@pytest.mark.parametrize("is_testing", [False, True])
def test_answers_are_those_of_flask(is_testing: bool) -> None:
    """Status, headers, body and exceptions are Flask's, but for the headers that are added."""
    assert _observed(instrument(orders()), is_testing) == _observed(orders(), is_testing)


def _observed(app: Flask, is_testing: bool) -> list[Any]:
    app.testing = is_testing
    client = app.test_client()
    seen: list[Any] = [sorted(str(rule) for rule in app.url_map.iter_rules()), sorted(app.extensions)]
    for method, path, arguments in REQUESTS:
        try:
            answer = client.open(path, method=method, **arguments)
        except ValueError as error:
            seen.append((method, path, str(error)))
            continue
        # A session cookie holds the second in which it was signed.
        headers = sorted((k, v) for k, v in answer.headers.items() if k.lower() not in ADDED | {"date", "set-cookie"})
        seen.append((method, path, answer.status, headers, answer.data))
    return seen


def test_the_same_object_comes_back_and_a_second_call_does_nothing() -> None:
    """`instrument` is idempotent and keeps the application's identity."""
    app = orders()
    assert instrument(app) is app
    around = app.wsgi_app
    assert instrument(app) is app
    assert app.wsgi_app is around


def test_each_request_gives_one_event_with_its_template(events: list[dict[str, Any]]) -> None:
    """Blueprint prefixes, converters, 404, 405 and early answers are told apart."""
    client = instrument(orders(), service_name="orders").test_client()
    for method, path in [("GET", "/orders/3"), ("DELETE", "/orders/3"), ("GET", "/nope"), ("GET", "/count?stop=1")]:
        assert client.open(path, method=method).data
    assert [(e["route"], e["status"], e["outcome"], e["service"]) for e in events] == [
        ("/orders/{order_id}", 200, "completed", "orders"),
        ("/orders/{order_id}", 405, "completed", "orders"),
        (None, 404, "completed", "orders"),
        ("/count", 200, "completed", "orders"),
    ]


def test_converters_and_subdomains_are_in_the_template(events: list[dict[str, Any]]) -> None:
    """A converter with arguments leaves the name only; a rule of a subdomain is found as Flask finds it."""
    app = Flask("hosts", subdomain_matching=True)
    app.config["SERVER_NAME"] = "shop.test"
    app.url_map.converters["regex"] = Pattern
    app.add_url_rule("/<regex('[^:]+'):name>/<any(a, b):kind>/<int(min=1):n>", "one", lambda **_: "one")
    app.add_url_rule("/v/<int:n>", "two", lambda n: "two", subdomain="api")
    client = instrument(app).test_client()
    assert client.get("/x/a/3").data == b"one"
    assert client.get("/v/3", base_url="http://api.shop.test").data == b"two"
    assert client.post("/v/3", base_url="http://api.shop.test").data
    assert client.get("/v/3").data
    seen = [(e["route"], e["status"]) for e in events]
    assert seen == [("/{name}/{kind}/{n}", 200), ("/v/{n}", 200), ("/v/{n}", 405), (None, 404)]


def test_a_crash_is_reported_and_still_raised(events: list[dict[str, Any]]) -> None:
    """An exception that Flask lets through is in the event and reaches the caller."""
    app = instrument(orders())
    app.testing = True
    with pytest.raises(ValueError, match="boom"):
        app.test_client().get("/boom")
    assert [(e["status"], e["outcome"], e["error"]) for e in events] == [(500, "crashed", "ValueError")]


def test_a_stream_is_reported_when_it_ends_or_is_left(events: list[dict[str, Any]]) -> None:
    """Reading all of a stream completes it; closing it half-way is a disconnect."""
    client = instrument(orders()).test_client()
    whole = client.get("/stream", buffered=False)
    assert events == []
    assert whole.data.count(b"\n") == 3
    whole.close()
    left = client.get("/stream", buffered=False)
    next(iter(left.response))
    left.close()
    assert [e["outcome"] for e in events] == ["completed", "disconnected"]


def test_a_stream_that_breaks_off_counts_as_500(events: list[dict[str, Any]]) -> None:
    """The client has seen 200 and half of an answer: the event says so, the metric does not call it a success."""
    registry = CollectorRegistry()
    app = Flask("streams")

    def broken() -> Iterator[str]:
        yield "half"
        raise ValueError("boom")

    app.get("/broken")(lambda: Response(broken()))
    instrument(app, metrics=RequestMetrics(registry=registry))
    with pytest.raises(ValueError, match="boom"):
        assert app.test_client().get("/broken").data
    assert (events[0]["status"], events[0]["outcome"]) == (200, "crashed")
    assert metric_value("http_requests_total", registry=registry, method="GET", route="/broken", status="500") == 1


def test_the_request_id_goes_round(events: list[dict[str, Any]]) -> None:
    """A sane id is taken over into header, environ, log context and event; a hostile one is replaced."""
    app = instrument(orders())
    app.get("/id", endpoint="id")(
        lambda: {"environ": request.environ["maestro.request_id"], "log": current_context()["request_id"]}
    )
    client = app.test_client()
    given = client.get("/id", headers={"X-Request-ID": "abc-1"})
    assert given.headers["X-Request-ID"] == "abc-1" == given.json["environ"] == given.json["log"]
    hostile = client.get("/id", headers={"X-Request-ID": "a b{}"})
    assert hostile.headers["X-Request-ID"] == hostile.json["log"] != "a b{}"
    assert events[0]["request_id"] == "abc-1"
    assert "request_id" not in current_context()


def test_probes_answer_where_the_application_has_no_rule() -> None:
    """`/livez`, `/readyz`, `/startupz` and `/metrics` answer; a failing check is named in a 503."""
    client = instrument(orders(), readiness={"db": lambda: False, "queue": lambda: None}).test_client()
    assert client.get("/livez").json == {"status": "ok"}
    assert client.get("/startupz").status_code == 200
    unready = client.get("/readyz")
    assert unready.status_code == 503
    assert unready.json["failing"] == ["db"]
    client.get("/orders/3").close()
    assert b'http_requests_total{method="GET",route="/orders/{order_id}"' in client.get("/metrics").data
    assert client.head("/livez").data == b""


def test_probes_of_the_application_win() -> None:
    """A rule, a dispatcher and a hook that answer a probe path keep answering it."""
    app = Flask("own")
    app.get("/livez", endpoint="livez")(lambda: "mine")
    app.get("/readyz/", endpoint="readyz")(lambda: "slash")
    app.before_request(lambda: "hook" if request.path == "/startupz" else None)

    def exporter(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"exporter"]

    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/metrics": exporter})  # type: ignore[method-assign]  # as Flask's docs do
    client = instrument(app).test_client()
    for _ in range(2):
        assert client.get("/livez").data == b"mine"
        assert client.get("/readyz").status_code == 308
        assert client.get("/startupz").data == b"hook"
        assert client.get("/metrics").data == b"exporter"


def test_files_at_the_root_hide_no_probe(tmp_path: Path) -> None:
    """With `static_url_path=""` a path is the application's only where there is such a file."""
    (tmp_path / "readyz").write_text("a file")
    client = instrument(Flask("files", static_folder=tmp_path, static_url_path="")).test_client()
    for _ in range(2):
        assert client.get("/livez").json == {"status": "ok"}
        with client.get("/readyz") as file:
            assert file.data == b"a file"
        assert client.get("/other").status_code == 404


def test_async_checks_work_in_a_sync_application() -> None:
    """A coroutine function is a readiness check in Flask too."""

    async def ping() -> bool:
        return True

    client = instrument(Flask("a"), readiness={"ping": ping}).test_client()
    assert client.get("/readyz").json["checks"]["ping"]["status"] == "ok"


def test_a_file_of_the_server_stays_recognisable() -> None:
    """What `wsgi.file_wrapper` made reaches the server as it is, so that it can use sendfile."""

    class Wrapper:
        def __init__(self, file: Any, size: int = 8192) -> None:
            self.file = file

        def __iter__(self) -> Iterator[bytes]:
            return iter([self.file.read()])

    app = Flask("files")
    app.wsgi_app = lambda environ, start: (start("200 OK", []), Wrapper(io.BytesIO(b"x")))[1]  # type: ignore[method-assign, assignment]  # a bare one is enough
    instrument(app)
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "wsgi.file_wrapper": Wrapper}
    environ |= {"SERVER_NAME": "s", "SERVER_PORT": "80", "wsgi.url_scheme": "http"}
    assert isinstance(app.wsgi_app(environ, lambda *_: lambda _: None), Wrapper)  # type: ignore[arg-type]  # minimal start_response


def test_probes_carry_the_request_id() -> None:
    """As every other answer does."""
    client = instrument(Flask("probed")).test_client()
    assert client.get("/livez", headers={"X-Request-ID": "r-1"}).headers["X-Request-ID"] == "r-1"
    assert len(client.get("/metrics").headers["X-Request-ID"]) == 32
