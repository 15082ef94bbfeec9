"""For tests and drills: a Vault of our own over HTTP, with the failures of a real one to order."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

ROOT_TOKEN = "root-token"  # noqa: S105 - of a server that lives for one test


class FakeVault:
    """A server that speaks the documented API of Vault for KV 1 and 2, logins, tokens, database leases and transit.

    As a context manager it listens on a free port of the loopback interface. `break_down()` orders failures.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.kv2: dict[str, dict[str, list[dict[str, Any] | None]]] = {"secret": {}}
        self.kv1: dict[str, dict[str, dict[str, Any]]] = {"kv": {}}
        self.denied: set[str] = set()
        self.logins: dict[str, dict[str, str]] = {}
        self.token_ttl_s = 3600.0
        self.max_token_s = 36000.0
        self.lease_s = 60
        self.max_lease_s = 600.0
        self.namespace = ""
        self.requests: list[str] = []
        self.revoked: list[str] = []
        self._tokens: dict[str, float] = {ROOT_TOKEN: float("inf")}
        self._born: dict[str, float] = {}
        self._leases: dict[str, tuple[float, str, dict[str, str]]] = {}
        self._wrapped: dict[tuple[str, str], str] = {}
        self._failures: list[tuple[int, Any]] = []
        self._sealed = False
        self._delay = threading.Event()
        self._lock = threading.Lock()
        self._count = 0
        self._server: ThreadingHTTPServer | None = None

    def __enter__(self) -> Self:
        handler = type("Handler", (_Handler,), {"vault": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._server is not None
        self._delay.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def address(self) -> str:
        """The base address, as for `VAULT_ADDR`."""
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def write(self, path: str, mount: str = "secret", **content: Any) -> None:
        """Write a new version of a KV 2 document."""
        self.kv2.setdefault(mount, {}).setdefault(path, []).append(content)

    def delete(self, path: str, mount: str = "secret") -> None:
        """Delete the last version of a KV 2 document."""
        self.kv2[mount][path].append(None)

    def allow_login(self, kind: str, **credentials: str) -> None:
        """Accept these credentials at `auth/<kind>/login`."""
        self.logins[kind] = credentials

    def expire_tokens(self) -> None:
        """Let every token but the root's end now."""
        self._tokens = {ROOT_TOKEN: float("inf")}

    def lose_leases(self) -> None:
        """Forget every lease, as after a restore."""
        self._leases.clear()

    def accepts(self, username: str, password: str) -> bool:
        """Say whether the database behind the leases would let somebody in: their lease lives, and its token too."""
        with self._lock:
            wanted = {"username": username, "password": password}
            return any(content == wanted and self._is_alive(token) for _, token, content in self._leases.values())

    def break_down(self, status: int, *, times: int = 1, errors: tuple[str, ...] = ()) -> None:
        """Answer the next requests with an error status."""
        self._failures += [(status, list(errors))] * times

    @contextmanager
    def sealed(self) -> Iterator[None]:
        """Be sealed for a while."""
        self._sealed = True
        try:
            yield
        finally:
            self._sealed = False

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """Accept requests and answer none until the end of the block."""
        self._delay.clear()
        self._hang = True
        try:
            yield
        finally:
            self._hang = False
            self._delay.set()

    _hang = False

    def answer(self, method: str, path: str, headers: Any, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Answer one request: status and document."""
        self.requests.append(f"{method} {path}")
        if self._hang:
            self._delay.wait()
        with self._lock:
            if self._sealed:
                return 503, {"errors": ["Vault is sealed"]}
            if self._failures:
                status, errors = self._failures.pop(0)
                return status, {"errors": errors}
            if self.namespace and headers.get("X-Vault-Namespace", "").strip("/") != self.namespace:
                return 404, {"errors": ["no handler for route"]}
            if path.startswith("auth/") and "/login" in path:
                return self._log_in(path, body)
            token = headers.get("X-Vault-Token", "")
            if not self._is_alive(token) or path in self.denied:
                return 403, {"errors": ["permission denied"]}
            return self._route(method, path, token, body)

    def _is_alive(self, token: str) -> bool:
        return self._tokens.get(token, 0.0) > self.clock()

    def _log_in(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        _, kind, _, *user = path.split("/")
        body = body | ({"username": user[0]} if user else {})
        if kind not in self.logins or any(body.get(key) != value for key, value in self.logins[kind].items()):
            return 400, {"errors": ["invalid role or secret ID"]}
        token = f"token-{self._next()}"
        self._born[token] = self.clock()
        self._tokens[token] = self.clock() + self.token_ttl_s
        return 200, {"auth": {"client_token": token, "lease_duration": int(self.token_ttl_s), "renewable": True}}

    def _route(self, method: str, path: str, token: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        mount, _, rest = path.partition("/")
        if mount == "auth":
            return self._token(rest, token, body)
        if path == "sys/leases/renew":
            return self._renew(body)
        if path == "sys/leases/revoke":
            self.revoked.append(body["lease_id"])
            self._leases.pop(body["lease_id"], None)
            return 204, {}
        if rest.startswith("creds/"):
            return self._lease(path, token)
        if mount == "transit":
            return self._transit(rest, body)
        if mount in self.kv1 and rest in self.kv1[mount] and method == "GET":
            return 200, {"data": self.kv1[mount][rest], "lease_duration": 2764800}
        if mount in self.kv2 and rest.startswith("data/") and method == "GET":
            return self._read(self.kv2[mount].get(rest.removeprefix("data/")))
        folder = rest.removeprefix("metadata").lstrip("/")
        names = {*self.kv2.get(mount, {}), *self.kv1.get(mount, {})}
        keys = sorted({name.removeprefix(folder).lstrip("/") for name in names if name.startswith(folder)})
        return (200, {"data": {"keys": keys}}) if method == "LIST" and keys else (404, {"errors": []})

    def _token(self, operation: str, token: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        end = self._tokens[token]
        renewable = end != float("inf")
        if operation == "token/lookup-self":
            return 200, {"data": {"ttl": int(end - self.clock()) if renewable else 0, "renewable": renewable}}
        if operation != "token/renew-self" or not renewable:
            return 400, {"errors": ["lease is not renewable"]}
        asked = float(str(body["increment"]).removesuffix("s"))
        self._tokens[token] = min(self.clock() + asked, self._born[token] + self.max_token_s)
        left = int(self._tokens[token] - self.clock())
        return 200, {"auth": {"client_token": token, "lease_duration": left, "renewable": True}}

    def _transit(self, rest: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        operation, _, key = rest.partition("/")
        if operation == "encrypt":
            ciphertext = f"vault:v1:{self._next()}"
            self._wrapped[key, ciphertext] = body["plaintext"]
            return 200, {"data": {"ciphertext": ciphertext}}
        plaintext = self._wrapped.get((key, body.get("ciphertext", "")))
        if plaintext is None:
            return 400, {"errors": ["cipher: message authentication failed"]}
        return 200, {"data": {"plaintext": plaintext}}

    def _read(self, versions: list[dict[str, Any] | None] | None) -> tuple[int, dict[str, Any]]:
        if not versions:
            return 404, {"errors": []}
        metadata = {"version": len(versions), "deletion_time": "", "destroyed": False}
        document = {"data": {"data": versions[-1], "metadata": metadata}}
        return (404 if versions[-1] is None else 200), document

    def _lease(self, path: str, token: str) -> tuple[int, dict[str, Any]]:
        number = self._next()
        lease_id = f"{path}/{number}"
        content = {"username": f"user-{number}", "password": f"password-{number}"}
        self._leases[lease_id] = self.clock(), token, content
        return 200, {"lease_id": lease_id, "lease_duration": self.lease_s, "renewable": True, "data": content}

    def _renew(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        since, token, _ = self._leases.get(body["lease_id"], (0.0, "", {}))
        if not self._is_alive(token):
            return 400, {"errors": ["lease not found"]}
        left = max(0, min(float(body["increment"]), since + self.max_lease_s - self.clock()))
        return 200, {"lease_id": body["lease_id"], "lease_duration": int(left), "renewable": left > 0}

    def _next(self) -> int:
        self._count += 1
        return self._count


class _Handler(BaseHTTPRequestHandler):
    vault: FakeVault
    protocol_version = "HTTP/1.1"

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length) or b"{}") if length else {}
        path, _, query = self.path.removeprefix("/v1/").partition("?")
        method = "LIST" if "list=true" in query else self.command
        status, document = self.vault.answer(method, path, self.headers, body)
        content = b"" if status == 204 else json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_LIST = _serve  # noqa: N815 - http.server's names

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """Say nothing; tests look at `requests`."""
