"""What the tests of our own server promise, on a real OpenBao (or the server at `VAULT_ADDR`)."""

from __future__ import annotations

import base64
import json
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pydantic import SecretStr

from maestro_core_config import BaseConfig, ConfigDict, explain
from maestro_core_config.crypto import Keyring, new_key
from maestro_core_config.leases import Credentials, LeasedCredentials
from maestro_core_config.vault import (
    AppRole,
    Jwt,
    Kubernetes,
    Token,
    Vault,
    VaultRefused,
    VaultSession,
    VaultUnavailable,
    degraded,
    transit_keyring,
)

SERVICES = Path(__file__).resolve().parents[4] / "scripts" / "services"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def settings_class(**options: Any) -> type[Any]:
    """A class that reads `orders` from Vault."""

    class Settings(BaseConfig):
        """Two settings."""

        model_config = ConfigDict(remote=(Vault(**({"paths": ("orders",)} | options)),))
        port: int = 1
        password: SecretStr = SecretStr("default")

    return Settings


@pytest.fixture
def kv(bao: Any, mount: str) -> str:
    """A KV 2 engine with one document."""
    session = bao.session()
    session.put(f"sys/mounts/{mount}", type="kv", options={"version": "2"})
    written(session, mount)
    return mount


@pytest.fixture
def reader(bao: Any, kv: str) -> Iterator[str]:
    """A policy that may read that engine and nothing else."""
    session = bao.session()
    session.put(f"sys/policies/acl/{kv}", policy=f'path "{kv}/*" {{ capabilities = ["read", "list"] }}')
    yield kv
    session.call(kv, lambda client: client.adapter.delete(f"/v1/sys/policies/acl/{kv}"))


def written(session: VaultSession, mount: str, **content: str) -> None:
    """Write the document, as soon as the engine is there (KV 2 upgrades itself after it is mounted)."""
    for _ in range(100):
        try:
            session.put(f"{mount}/data/orders", data={"port": "5433", "password": "hunter2", **content})
        except VaultRefused as exc:
            if exc.status != 400:
                raise
            time.sleep(0.05)
        else:
            return
    pytest.fail(f"{mount} did not become a KV 2 engine")


@pytest.mark.parametrize("version", [1, 2])
def test_documents_become_fields_and_typos_are_refused(version: int, bao: Any, mount: str) -> None:
    """Both engines: values and place, a missing path and key with a suggestion, a token that is none."""
    session = bao.session()
    session.put(f"sys/mounts/{mount}", type="kv", options={"version": str(version)})
    if version == 2:
        written(session, mount)
    else:
        session.put(f"{mount}/orders", port="5433", password="hunter2")
    options: dict[str, Any] = {"mount": mount, "kv_version": version, "address": bao.address}
    options["login"] = Token(bao.token)
    settings = settings_class(**options)()
    assert (settings.port, settings.password.get_secret_value()) == (5433, "hunter2")
    suffix = " (version 1)" if version == 2 else ""
    assert str(explain(settings)["port"]) == f"port = 5433  <- vault {mount}/orders#port{suffix}"
    with pytest.raises(VaultRefused, match=r"nothing is there; did you mean orders\?"):
        settings_class(**options | {"paths": ("order",)})()
    with pytest.raises(VaultRefused, match=r"no such key; did you mean password\?"):
        settings_class(**options | {"fields": {"password": "orders#pasword"}})()
    with pytest.raises(VaultRefused) as caught:
        settings_class(**options | {"login": Token("wrong")})()
    assert caught.value.status == 403


def test_a_deleted_version_is_refused(bao: Any, kv: str) -> None:
    """A document whose last version is deleted is not an empty one."""
    session = bao.session()
    session.call(kv, lambda client: client.adapter.delete(f"/v1/{kv}/data/orders"))
    with pytest.raises(VaultRefused):
        settings_class(session=session, mount=kv)()


def test_app_role_logs_in_and_again_after_its_token_is_revoked(bao: Any, reader: str, request: Any) -> None:
    """The role, a wrong secret id, and a token that somebody revoked."""
    root, mount = bao.session(), f"{reader}-role"
    root.put(f"sys/auth/{mount}", type="approle")
    request.addfinalizer(lambda: root.call(mount, lambda c: c.adapter.delete(f"/v1/sys/auth/{mount}")))
    root.put(f"auth/{mount}/role/orders", token_policies=[reader], token_ttl="60s")
    role_id = root.get(f"auth/{mount}/role/orders/role-id")["data"]["role_id"]
    secret_id = root.put(f"auth/{mount}/role/orders/secret-id")["data"]["secret_id"]
    session = VaultSession(bao.address, login=AppRole(role_id, secret_id, mount=mount))
    make = settings_class(session=session, mount=reader)
    assert make().port == 5433
    revoked = session.get("auth/token/lookup-self")["data"]["id"]
    root.put("auth/token/revoke", token=revoked)
    assert make().port == 5433
    assert session.get("auth/token/lookup-self")["data"]["id"] != revoked
    with pytest.raises(VaultRefused, match="login") as caught:
        VaultSession(bao.address, login=AppRole(role_id, "hunter2-wrong", mount=mount)).get("auth/token/lookup-self")
    assert "hunter2" not in str(caught.value)
    with pytest.raises(VaultRefused):
        session.get("sys/mounts")


def signed(**claims: Any) -> str:
    """A JWT by our key (RFC 7519, RS256)."""

    def part(content: bytes) -> str:
        return base64.urlsafe_b64encode(content).rstrip(b"=").decode()

    head = f"{part(json.dumps({'alg': 'RS256', 'typ': 'JWT'}).encode())}.{part(json.dumps(claims).encode())}"
    return f"{head}.{part(KEY.sign(head.encode(), padding.PKCS1v15(), SHA256()))}"


def test_a_jwt_of_an_identity_provider_logs_in(bao: Any, reader: str, request: Any) -> None:
    """A token that fits the role, and one for somebody else."""
    root, mount = bao.session(), f"{reader}-jwt"
    root.put(f"sys/auth/{mount}", type="jwt")
    request.addfinalizer(lambda: root.call(mount, lambda c: c.adapter.delete(f"/v1/sys/auth/{mount}")))
    public = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    root.put(f"auth/{mount}/config", jwt_validation_pubkeys=[public])
    root.put(
        f"auth/{mount}/role/orders",
        role_type="jwt",
        user_claim="sub",
        bound_audiences=["bao"],
        token_policies=[reader],
    )

    def token(audience: str) -> str:
        now = int(time.time())
        return signed(sub="orders", aud=audience, iat=now, exp=now + 300)

    session = VaultSession(bao.address, login=Jwt("orders", lambda: token("bao"), mount=mount))
    assert settings_class(session=session, mount=reader)().port == 5433
    with pytest.raises(VaultRefused, match="login"):
        VaultSession(bao.address, login=Jwt("orders", token("other"), mount=mount)).get("auth/token/lookup-self")


def certificate() -> str:
    """A certificate of our key: the server wants one of its Kubernetes, although this one speaks HTTP."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "kubernetes")])
    begin = datetime.now(UTC)
    made = x509.CertificateBuilder(name, name, KEY.public_key(), 1, begin, begin + timedelta(days=1))
    return made.sign(KEY, SHA256()).public_bytes(Encoding.PEM).decode()


class Reviewer(BaseHTTPRequestHandler):
    """The part of a Kubernetes API server that says whose a service account's token is."""

    def do_POST(self) -> None:
        """Answer a TokenReview."""
        self.rfile.read(int(self.headers["Content-Length"]))
        user = {"username": "system:serviceaccount:shop:orders", "uid": "1", "groups": ["system:serviceaccounts"]}
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview"}
        body = json.dumps({**review, "status": {"authenticated": True, "user": user, "audiences": ["bao"]}}).encode()
        self.send_response(201)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name in http.server
        """Say nothing."""


def test_a_service_account_logs_in(bao: Any, reader: str, request: Any, tmp_path: Path) -> None:
    """The server asks Kubernetes whose token it is; the token is read from its file."""
    if bao.unseal_key is None:
        pytest.skip("the server at VAULT_ADDR cannot reach the Kubernetes of this test")
    cluster = HTTPServer(("127.0.0.1", 0), Reviewer)
    threading.Thread(target=cluster.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    request.addfinalizer(lambda: (cluster.shutdown(), cluster.server_close()))
    root, mount = bao.session(), f"{reader}-k8s"
    root.put(f"sys/auth/{mount}", type="kubernetes")
    request.addfinalizer(lambda: root.call(mount, lambda c: c.adapter.delete(f"/v1/sys/auth/{mount}")))
    now = int(time.time())
    account = {"name": "orders", "uid": "1"}
    token = signed(
        iss="kubernetes/serviceaccount",
        sub="system:serviceaccount:shop:orders",
        aud=["bao"],
        iat=now,
        exp=now + 300,
        **{"kubernetes.io": {"namespace": "shop", "serviceaccount": account}},
    )
    root.put(
        f"auth/{mount}/config",
        kubernetes_host=f"http://127.0.0.1:{cluster.server_port}",
        disable_local_ca_jwt=True,
        kubernetes_ca_cert=certificate(),
        token_reviewer_jwt=token,
    )
    bound = {"bound_service_account_names": ["orders"], "bound_service_account_namespaces": ["shop"]}
    root.put(f"auth/{mount}/role/orders", **bound, token_policies=[reader])
    (tmp_path / "token").write_text(f"{token}\n")
    login = Kubernetes("orders", token_file=str(tmp_path / "token"), mount=mount)
    assert settings_class(session=VaultSession(bao.address, login=login), mount=reader)().port == 5433


def test_namespaces_keep_tenants_apart(bao: Any, mount: str, request: Any) -> None:
    """The same path in two namespaces is two documents."""
    root = bao.session()
    try:
        root.put(f"sys/namespaces/{mount}")
    except VaultRefused as exc:
        pytest.skip(f"this server keeps no namespaces: {exc}")
    request.addfinalizer(lambda: root.call(mount, lambda c: c.adapter.delete(f"/v1/sys/namespaces/{mount}")))
    inside = bao.session(namespace=mount)
    inside.put(f"sys/mounts/{mount}", type="kv", options={"version": "2"})
    written(inside, mount, port="7")
    options: dict[str, Any] = {"address": bao.address, "login": Token(bao.token), "mount": mount}
    assert settings_class(**options, namespace=mount)().port == 7
    with pytest.raises(VaultRefused):
        settings_class(**options)()


def test_transit_unwraps_the_keys_of_files(
    bao: Any, mount: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key wrapped by the engine opens an envelope; a ciphertext that is none is refused."""
    monkeypatch.chdir(tmp_path)
    session = bao.session()
    session.put(f"sys/mounts/{mount}", type="transit")
    session.put(f"{mount}/keys/config")
    entry = new_key("2026")
    plain = base64.b64encode(Keyring.parse(entry).keys["2026"]).decode()
    wrapped = session.put(f"{mount}/encrypt/config", plaintext=plain)["data"]["ciphertext"]

    class Settings(BaseConfig):
        """One encrypted setting."""

        model_config = ConfigDict(
            files=("app.toml",),
            keyring=transit_keyring({"2026": wrapped}, key="config", mount=mount, session=lambda: session),
        )
        password: str = ""

    (tmp_path / "app.toml").write_text(f"password = '{Keyring.parse(entry).encrypt('sealed')}'\n")
    assert Settings().password == "sealed"
    with pytest.raises(VaultRefused):
        transit_keyring({"2026": "vault:v1:wrong"}, key="config", mount=mount, session=lambda: session)()


def test_a_sealed_server_boots_from_the_copy(own_bao: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sealed: unavailable, or the last known good; unsealed: fresh again."""
    monkeypatch.setenv("MAESTRO_CONFIG_KEYS", new_key("k"))
    root = own_bao.session()
    written(root, "secret")
    options: dict[str, Any] = {"address": own_bao.address, "login": Token(own_bao.token), "attempts": 1}
    kept = options | {"last_known_good": tmp_path / "copy"}
    assert degraded(settings_class(**kept)()) == ()
    root.put("sys/seal")
    with pytest.raises(VaultUnavailable, match="sealed"):
        settings_class(**options)()
    settings = settings_class(**kept)()
    assert settings.password.get_secret_value() == "hunter2"
    assert len(degraded(settings)) == 1
    root.put("sys/unseal", key=own_bao.unseal_key)
    assert degraded(settings_class(**kept)()) == ()


@pytest.fixture
def database(bao: Any, mount: str) -> tuple[str, str]:
    """An engine that makes users of a real PostgreSQL, and where that is."""
    if bao.unseal_key is None:
        pytest.skip("the server at VAULT_ADDR cannot reach the PostgreSQL of this test")
    up = [sys.executable, str(SERVICES), "up", "postgresql", "--json"]
    started = subprocess.run(up, capture_output=True, text=True, check=False)
    if started.returncode != 0:
        pytest.fail(f"this test needs PostgreSQL: {started.stderr}")
    url = json.loads(started.stdout)["postgresql"]["url"]
    session = bao.session()
    session.put(f"sys/mounts/{mount}", type="database")
    session.put(
        f"{mount}/config/shop",
        plugin_name="postgresql-database-plugin",
        allowed_roles=["orders"],
        connection_url=url.replace("postgres@", "{{username}}:{{password}}@") + "?sslmode=disable",
        username="postgres",
        password="unused",
    )
    create = "CREATE ROLE \"{{name}}\" LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}'"
    ttls = {"default_ttl": "20s", "max_ttl": "40s"}
    session.put(f"{mount}/roles/orders", db_name="shop", creation_statements=[create], **ttls)
    return f"{mount}/creds/orders", url.rpartition("@")[2]


@pytest.mark.service
def test_database_credentials_are_renewed_and_rotated_under_load(
    bao: Any, database: tuple[str, str], request: Any
) -> None:
    """A lease is renewed; ten rotations while queries run fail none; what was rotated out is gone from PostgreSQL."""
    path, host = database
    session = bao.session()
    leased = LeasedCredentials(session, path)
    request.addfinalizer(leased.close)
    first = leased.current
    renewed = session.put("sys/leases/renew", lease_id=first.lease_id, increment=20)
    assert (first.renewable, renewed["lease_id"]) == (True, first.lease_id)

    def connect(credentials: Credentials) -> Any:
        user, password = credentials.content["username"], credentials.content["password"]
        return psycopg.connect(f"postgresql://{user}:{password}@{host}", autocommit=True)

    using = {"now": connect(first)}
    request.addfinalizer(lambda: using["now"].close())
    counts = {"queries": 0, "failed": 0}
    stop, turn = threading.Event(), threading.Lock()

    @leased.on_rotation
    def re_key(new: Credentials) -> None:
        fresh = connect(new)
        with turn:
            old, using["now"] = using["now"], fresh
        old.close()

    def query() -> None:
        while not stop.is_set():
            with turn:
                try:
                    using["now"].execute("SELECT current_user").fetchone()
                except psycopg.Error:
                    counts["failed"] += 1
                counts["queries"] += 1

    load = threading.Thread(target=query)
    load.start()
    try:
        for _ in range(10):
            leased.rotate()
    finally:
        stop.set()
        load.join()
    assert leased.rotations == 10
    assert counts["failed"] == 0
    assert counts["queries"] > 10
    assert leased.current.content["username"] != first.content["username"]
    rows = using["now"].execute("SELECT rolname FROM pg_roles WHERE rolname = %s", (first.content["username"],))
    assert rows.fetchall() == []


@pytest.mark.service
def test_credentials_outlive_the_token_that_leased_them(bao: Any, database: tuple[str, str], request: Any) -> None:
    """A token of twelve seconds leases for twenty: the server drops its users when it ends, and nobody notices."""
    path, host = database
    root, role = bao.session(), f"maestro-{secrets.token_hex(4)}"
    root.put(f"sys/auth/{role}", type="approle")
    request.addfinalizer(lambda: root.call(role, lambda client: client.adapter.delete(f"/v1/sys/auth/{role}")))
    rules = f'path "{path}" {{ capabilities = ["read"] }}\npath "sys/leases/*" {{ capabilities = ["update"] }}'
    root.put(f"sys/policies/acl/{role}", policy=rules)
    lives = {"token_ttl": "12s", "token_max_ttl": "12s"}
    root.put(f"auth/{role}/role/orders", token_policies=[role], **lives)
    role_id = root.get(f"auth/{role}/role/orders/role-id")["data"]["role_id"]
    secret_id = root.put(f"auth/{role}/role/orders/secret-id")["data"]["secret_id"]
    session = VaultSession(bao.address, login=AppRole(role_id, secret_id, mount=role))
    leased = LeasedCredentials(session, path, grace_s=1)
    request.addfinalizer(leased.close)
    first = leased.current
    leased.start()

    def may_connect(credentials: Credentials) -> bool:
        user, password = credentials.content["username"], credentials.content["password"]
        try:
            psycopg.connect(f"postgresql://{user}:{password}@{host}").close()
        except psycopg.OperationalError:
            return False
        return True

    found, deadline = [], time.monotonic() + 60
    while (may_connect(first) or not leased.rotations) and time.monotonic() < deadline:
        found.append(may_connect(leased.current))
    assert leased.rotations >= 1
    assert found
    assert all(found)
    assert not may_connect(first)
    assert may_connect(leased.current)


def test_nothing_secret_is_in_the_error_of_a_real_refusal(bao: Any, kv: str) -> None:
    """Neither the token nor the server's answer, which may quote what was sent."""
    token = f"hunter2-{secrets.token_hex(4)}"
    with pytest.raises(VaultRefused) as caught:
        settings_class(address=bao.address, login=Token(token), mount=kv)()
    assert token not in repr(caught.value)
    assert caught.value.__context__ is None
