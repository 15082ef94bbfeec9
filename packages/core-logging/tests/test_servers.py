"""Lines of servers, of warnings and of asyncio become lines of ours."""

import asyncio
import io
import json
import logging
import logging.config
import os
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import uvicorn.config

from maestro_core_logging import configure_logging


def lines_of(stream):
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_uvicorn_s_lines_are_taken_over():
    """After uvicorn has set up its own handlers, as it does before it imports the application."""
    logging.config.dictConfig(uvicorn.config.LOGGING_CONFIG)
    stream = io.StringIO()
    configure_logging(stream=stream, capture_servers=True)
    logging.getLogger("uvicorn.error").info("Started", extra={"color_message": "\x1b[36mStarted"})
    logging.getLogger("uvicorn.access").info('%s - "%s %s HTTP/%s" %d', "127.0.0.1:1", "GET", "/x", "1.1", 200)
    assert [(line["logger"], line["event"]) for line in lines_of(stream)] == [
        ("uvicorn.error", "Started"),
        ("uvicorn.access", '127.0.0.1:1 - "GET /x HTTP/1.1" 200'),
    ]
    assert "color_message" not in stream.getvalue()


def test_servers_keep_their_handlers_unless_asked():
    """A drop-in changes nobody's handlers."""
    logging.config.dictConfig(uvicorn.config.LOGGING_CONFIG)
    before = logging.getLogger("uvicorn.access").handlers[:]
    configure_logging(stream=io.StringIO())
    assert before
    assert logging.getLogger("uvicorn.access").handlers == before


def test_asyncio_s_complaints_are_lines_with_tracebacks():
    """An exception in a callback that nobody awaits."""
    stream = io.StringIO()
    configure_logging(stream=stream)

    async def main():
        asyncio.get_running_loop().call_soon(lambda: 1 / 0)
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    asyncio.run(main())
    (line,) = lines_of(stream)
    assert line["logger"] == "asyncio"
    assert line["exception"].endswith("ZeroDivisionError: division by zero")


def test_importing_the_library_imports_no_optional_system():
    """Neither frameworks nor OpenTelemetry; and it installs nothing."""
    code = (
        "import sys, logging, structlog; before = set(sys.modules)\n"
        "import maestro_core_logging, maestro_core_logging.testing\n"
        "new = {m.partition('.')[0] for m in set(sys.modules) - before} - set(sys.stdlib_module_names)\n"
        "new = {m for m in new if not m.startswith('_sysconfigdata')}\n"
        "assert new <= {'maestro_core_logging', 'orjson'}, new\n"
        "assert not {'pydantic', 'fastapi', 'opentelemetry'} & set(sys.modules)\n"
        "assert logging.root.handlers == [] and not structlog.is_configured()\n"
        "assert not [name for name in logging.Logger.manager.loggerDict if 'maestro' in name]\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


APPLICATION = """
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path
from maestro_core_logging import configure_logging, get_logger, log_context

configure_logging(service_name="orders", stream="stdout", capture_servers=True, force=True)
log = get_logger("svc")
HEADERS = [("content-length", "2"), ("x-request-id", "r-1")]


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while (await receive())["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    with log_context(request_id="r-1"):
        log.info("served")
        if scope["path"] == "/boom":
            raise ValueError("boom")
        headers = [(name.encode(), value.encode()) for name, value in HEADERS]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"ok"})


def wsgi(environ, start_response):
    with log_context(request_id="r-1"):
        log.info("served")
        if environ["PATH_INFO"] == "/boom":
            raise ValueError("boom")
        start_response("200 OK", HEADERS)
        return [b"ok"]
"""
HYPERCORN = """
import logging
accesslog = logging.getLogger("hypercorn.access")
errorlog = logging.getLogger("hypercorn.error")
access_log_format = '%(m)s %(U)s %(s)s'
"""
COMMANDS = {
    "uvicorn": ["uvicorn", "served:app", "--host", "127.0.0.1", "--port", "{port}"],
    "gunicorn": ["gunicorn", "served:wsgi", "-b", "127.0.0.1:{port}", "--access-logfile", "-"],
    "uvicorn behind gunicorn": [
        "gunicorn",
        "served:app",
        "--preload",
        "-k",
        "uvicorn.workers.UvicornWorker",
        "-b",
        "127.0.0.1:{port}",
        "--access-logfile",
        "-",
    ],
    "granian": [
        "granian",
        "served:app",
        "--interface",
        "asgi",
        "--host",
        "127.0.0.1",
        "--port",
        "{port}",
        "--access-log",
    ],
    "hypercorn": ["hypercorn", "served:app", "-b", "127.0.0.1:{port}", "--config", "file:hypercorn_settings.py"],
}


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _get(port, path):
    """Ask once the server answers; anything it answers is an answer."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}", headers={"traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01"}
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        return answer.status


def _until_it_listens(port, server):
    while server.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        threading.Event().wait(0.05)
    raise AssertionError("the server ended before it listened")


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", COMMANDS)
def test_lines_of_a_real_server_are_events(name, tmp_path):
    """Started on loopback: its access and error lines are events with fields, beside the service's own."""
    (tmp_path / "served.py").write_text(APPLICATION)
    (tmp_path / "hypercorn_settings.py").write_text(HYPERCORN)
    port = _free_port()
    program, *arguments = (part.format(port=port) for part in COMMANDS[name])
    with (tmp_path / "out").open("wb") as out, (tmp_path / "err").open("wb") as err:
        server = subprocess.Popen(
            [str(Path(sys.executable).parent / program), *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(tmp_path), "HOME": str(tmp_path)},
            stdout=out,
            stderr=err,
        )
        try:
            _until_it_listens(port, server)
            assert _get(port, "/x") == 200
            with pytest.raises((urllib.error.HTTPError, OSError)):
                _get(port, "/boom")
        finally:
            server.terminate()
            server.wait(timeout=30)
    name = name.partition(" ")[0]
    printed = (tmp_path / "out").read_text().splitlines()
    lines = [json.loads(line) for line in printed if line.startswith("{")]
    assert next(line for line in lines if line["event"] == "served")["request_id"] == "r-1"
    access = next(line for line in lines if line["logger"] == f"{name}.access" and line.get("path") == "/x")
    assert (access["method"], access["status"], access["service"]) == ("GET", 200, "orders")
    if name != "granian":  # which tells access lines no headers and no context
        assert access["request_id"] == "r-1"
    if name in ("gunicorn", "hypercorn"):
        assert access["trace_id"] == "a" * 32
    failure = next(line for line in lines if line["level"] == "error")
    assert failure["logger"].removeprefix("_").startswith(name)
    assert "ValueError: boom" in failure.get("exception", failure["event"])
