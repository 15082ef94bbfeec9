"""What stays of an app's own plumbing is a finding whose action says what to do about that very thing."""

from pathlib import Path

import pytest

from maestro_migrate._engine import Options, plan
from maestro_migrate._recipe import select

CLASS = """
import logging, time, uuid
from prometheus_client import Counter
from starlette.middleware.base import BaseHTTPMiddleware

logger = logging.getLogger(__name__)
COUNT = Counter("seen_total", "Seen")


class Own(BaseHTTPMiddleware):
    async def dispatch(self, request, call_next):
        start = time.time()
        response = await call_next(request)
        {line}
        return response
"""
HOOK = """
import logging
from flask import Flask, request

app = Flask(__name__)
logger = logging.getLogger(__name__)


@app.after_request
def own(response):
    {line}
    return response
"""
BOTH = """
        rid = request.headers.get("X-Request-ID", str(uuid.uuid4()))
        start = time.time()
        response = await call_next(request)
        response.headers["X-Request-ID"] = rid
        response.headers["X-Process-Time"] = str(time.time() - start)
        return response
"""


@pytest.mark.parametrize("code", [CLASS, HOOK], ids=["class", "hook"])
@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("logger.info('%s', request.path)", "access event"),
        ("COUNT.inc()", "move dashboards"),
        ("response.headers.setdefault('X-A', 'b')", "ResponseHeaders"),
        ("response.set_cookie('a', 'b')", "leave it"),
    ],
)
def test_the_action_is_about_what_stands_there(tmp_path: Path, code: str, line: str, wanted: str) -> None:
    """Log lines, counters, headers that are kept, and the rest."""
    (tmp_path / "app.py").write_text(code.format(line=line))
    made = plan(tmp_path, Options(select(["api"]), jobs=1))
    [finding] = [each for each in made.findings if each.reason.startswith("own-")]
    assert wanted in finding.action


@pytest.mark.parametrize("line", ["logger.info('denied')", "COUNT.inc()"])
def test_nobody_is_told_to_delete_more_than_lines_and_counts(tmp_path: Path, line: str) -> None:
    """A class that lets callers in, and logs whom it does not, is not to go because the library logs requests, too."""
    (tmp_path / "app.py").write_text(
        "class Guard:\n    def __init__(self, app):\n        self.app = app\n\n"
        f"    async def __call__(self, scope, receive, send):\n        {line}\n        await self.app(scope, receive, send)\n"
        "\n\nclass Other(Guard):\n    BaseHTTPMiddleware = None\n"
    )
    made = plan(tmp_path, Options(select(["api"]), jobs=1))
    [finding] = [each for each in made.findings if each.reason.startswith("own-")]
    assert "where it does no more than" in finding.action
    assert "else leave it" in finding.action


def test_a_middleware_of_several_concerns_is_to_be_split(tmp_path: Path) -> None:
    """The library has one class for each, and the action names them."""
    (tmp_path / "app.py").write_text(CLASS.partition("        start")[0].rstrip() + BOTH)
    made = plan(tmp_path, Options(select(["api"]), jobs=1))
    [finding] = [each for each in made.findings if each.reason.startswith("own-")]
    assert "`RequestId`, `ResponseTime`" in finding.action


@pytest.mark.parametrize(
    ("lines", "is_own"),
    [
        ("from fastapi import FastAPI\napp = FastAPI()\n@app.get('/metrics')\ndef m(): ...\n", True),
        ("from flask import Blueprint\nbp = Blueprint('a', __name__)\n@bp.route('/metrics/')\ndef m(): ...\n", True),
        ("from starlette.routing import Route\nROUTES = [Route(path='/metrics', endpoint=print)]\n", True),
        ("from fastapi import FastAPI\ndef add(app: FastAPI, other):\n    app.mount('/metrics', other)\n", True),
        ("from prometheus_fastapi_instrumentator import Instrumentator\nInstrumentator().instrument(app).expose(app)\n", True),
        ("from fastapi import FastAPI\napp = FastAPI()\n@app.get('/metrics/daily')\ndef m(): ...\n", False),
        ("import httpx\nfrom fastapi import FastAPI\nx = httpx.Client().get('/metrics')\n", False),
        ("import bottle\n@bottle.route('/metrics')\ndef m(): ...\n", False),
    ],
)  # fmt: skip
def test_a_route_that_hides_the_librarys_series_is_named(tmp_path: Path, lines: str, is_own: bool) -> None:
    """Routes, mounts and exporters of /metrics in any spelling; requests to it and other frameworks are none."""
    (tmp_path / "app.py").write_text(lines)
    made = plan(tmp_path, Options(select(["api/keep_own_metrics"]), jobs=1))
    assert any(each.reason.startswith("own-metrics") for each in made.findings) is is_own


def test_own_metrics_are_named_beside_an_app_that_changes(tmp_path: Path) -> None:
    """The finding stays when `FastAPI`, by which the file was known to be about an app, has gone from it."""
    (tmp_path / "main.py").write_text(
        'from fastapi import FastAPI\n\napp = FastAPI()\n\n\n@app.get("/metrics")\ndef metrics():\n    return ""\n'
    )
    made = plan(tmp_path, Options(select(["api"]), jobs=1))
    assert made.writes
    assert [finding.line for finding in made.findings if finding.reason.startswith("own-metrics")] == [6]
