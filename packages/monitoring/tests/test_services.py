"""Promises of `scripts/services`, kept with a small server of its own instead of a real one."""

import importlib.machinery
import importlib.util
import os
import signal
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "services"
SERVER = """
import http.server, os, sys
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), http.server.SimpleHTTPRequestHandler).serve_forever()
"""


@pytest.fixture
def services(tmp_path, monkeypatch):
    """The script as a module whose state lives in a folder of this test, with one small server."""
    loader = importlib.machinery.SourceFileLoader("scripts_services", str(SCRIPT))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    monkeypatch.setitem(sys.modules, loader.name, module)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    loader.exec_module(module)
    monkeypatch.setattr(module, "ROOT", tmp_path)

    def server(program: str = SERVER, **more):
        return module.Server(
            name="small",
            executable=sys.executable,
            debian_package="small",
            command=lambda folder, port: [sys.executable, "-c", program, str(port)],
            is_ready=lambda port: module._http_ok(f"http://127.0.0.1:{port}/"),
            url="http://127.0.0.1:{port}",
            **more,
        )

    module.SERVERS = {"small": server()}
    module.make = server
    yield module
    module.down(module.SERVERS["small"])
    for child in module.STARTED:
        child.wait(30)


def test_up_is_up_once_and_down_is_down(services, capsys):
    """Starting twice is starting once; status tells; stopping twice is no error."""
    assert services.main(["up", "small"]) == 0
    first = services.state_of(services.SERVERS["small"])
    assert services.main(["up"]) == 0
    assert services.state_of(services.SERVERS["small"]) == first
    assert services.main(["status"]) == 0
    assert f"small: {first['url']}" in capsys.readouterr().out
    assert services.main(["down"]) == 0
    assert services.state_of(services.SERVERS["small"]) is None
    assert services.main(["down"]) == 0
    assert "small: was not running" in capsys.readouterr().out


def test_a_server_that_was_killed_is_started_again(services):
    """A state file of a dead process, or of another with its id, is not believed."""
    first = services.up(services.SERVERS["small"])
    os.kill(first["pid"], signal.SIGKILL)
    services.STARTED[0].wait(30)
    assert services.state_of(services.SERVERS["small"]) is None
    second = services.up(services.SERVERS["small"])
    assert second["pid"] != first["pid"]


def test_a_server_that_ends_at_once_shows_its_log(services, capsys):
    """Exit code 1 and the end of the log, not a wait for nothing."""
    services.SERVERS = {"small": services.make("import sys; sys.exit('no room')")}
    assert services.main(["up"]) == 1
    assert "no room" in capsys.readouterr().err


def test_a_server_that_cannot_be_had_says_how_to_get_it(services, capsys, monkeypatch):
    """Without root nothing is installed; the message names the package."""
    monkeypatch.setattr(services.os, "geteuid", lambda: 1000)
    missing = services.make()
    services.SERVERS = {"small": services.Server(**{**vars(missing), "executable": "no-such-server"})}
    assert services.main(["up"]) == 1
    assert "install Debian's package `small`" in capsys.readouterr().err


def test_an_unknown_name_is_wrong_use(services, capsys):
    """Exit code 2, with the names there are."""
    with pytest.raises(SystemExit) as refused:
        services.main(["up", "oracle"])
    assert refused.value.code == 2
    assert "known are small" in capsys.readouterr().err
