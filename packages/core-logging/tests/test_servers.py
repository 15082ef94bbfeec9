"""Lines of servers, of warnings and of asyncio become lines of ours."""

import asyncio
import io
import json
import logging
import logging.config
import subprocess
import sys

import uvicorn.config

from maestro_core_logging import configure_logging


def lines_of(stream):
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_uvicorn_s_lines_are_taken_over():
    """After uvicorn has set up its own handlers, as it does before it imports the application."""
    logging.config.dictConfig(uvicorn.config.LOGGING_CONFIG)
    stream = io.StringIO()
    configure_logging(stream=stream, capture_servers=True)
    logging.getLogger("uvicorn.error").info("Started")
    logging.getLogger("uvicorn.access").info('%s - "%s %s HTTP/%s" %d', "127.0.0.1:1", "GET", "/x", "1.1", 200)
    assert [(line["logger"], line["event"]) for line in lines_of(stream)] == [
        ("uvicorn.error", "Started"),
        ("uvicorn.access", '127.0.0.1:1 - "GET /x HTTP/1.1" 200'),
    ]


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
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
