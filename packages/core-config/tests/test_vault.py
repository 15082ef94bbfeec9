"""Vault: what is read, what is refused, what happens when it is down. Against our server, over real HTTP."""

from __future__ import annotations

import itertools
import json
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import AliasPath, Field, SecretStr

pytest.importorskip("hvac")

from maestro_core_config import BaseConfig, ConfigDict, ConfigError, InvalidConfiguration, explain, load
from maestro_core_config.crypto import Keyring, new_key
from maestro_core_config.testing import ROOT_TOKEN, FakeVault
from maestro_core_config.vault import (
    AppRole,
    Jwt,
    Kubernetes,
    Token,
    Vault,
    VaultError,
    VaultRefused,
    VaultSession,
    VaultUnavailable,
    degraded,
    transit_keyring,
)


@pytest.fixture
def vault(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeVault]:
    monkeypatch.setenv("VAULT_TOKEN", ROOT_TOKEN)
    monkeypatch.delenv("VAULT_NAMESPACE", raising=False)
    with FakeVault() as server:
        monkeypatch.setenv("VAULT_ADDR", server.address)
        server.write("orders", password="hunter2-vault", port="5433", other="not ours")
        yield server


def settings_class(**options: Any) -> type[Any]:
    """A class that reads from Vault."""
    session = options.pop("session", None)

    class Settings(BaseConfig):
        """Three settings."""

        model_config = ConfigDict(remote=(Vault(session=session, **({"paths": ("orders",)} | options)),))
        host: str = "localhost"
        port: int = 1
        password: SecretStr = SecretStr("default")

    return Settings


def quick(vault: FakeVault, **options: Any) -> VaultSession:
    """A session that does not really wait between attempts."""
    pauses: list[float] = options.pop("pauses", [])
    return VaultSession(vault.address, pause=pauses.append, **options)


def test_documents_become_fields_below_the_environment(vault: FakeVault, monkeypatch: pytest.MonkeyPatch) -> None:
    """Known keys are taken, foreign ones left; the environment wins; the place names path, key and version."""
    vault.write("orders", password="hunter2-newer", port="5434")
    settings = settings_class()()
    assert (settings.port, settings.password.get_secret_value(), settings.host) == (5434, "hunter2-newer", "localhost")
    assert str(explain(settings)["port"]) == "port = 5434  <- vault secret/orders#port (version 2)"
    assert "hunter2" not in str(explain(settings))
    monkeypatch.setenv("PORT", "9")
    assert settings_class()().port == 9


def test_single_fields_come_from_other_paths_and_keys(vault: FakeVault) -> None:
    """`fields` maps a field to `path#key`, read once per path."""
    vault.write("shared/db", pw="x", p="7")
    settings = settings_class(fields={"password": "shared/db#pw", "port": "shared/db#p"})()
    assert (settings.password.get_secret_value(), settings.port) == ("x", 7)
    assert vault.requests.count("GET secret/data/shared/db") == 1


def test_a_document_in_a_document_may_be_picked_from(vault: FakeVault) -> None:
    """What an alias path leads to was dropped as not ours."""
    vault.write("nested", db={"password": "hunter2"})

    class Picked(BaseConfig):
        """A value in a value."""

        model_config = ConfigDict(remote=(Vault(paths=("nested",)),))
        password: str = Field("", validation_alias=AliasPath("db", "password"))

    settings = load(Picked)
    assert settings.password == "hunter2"
    assert str(explain(settings)["password"].place) == "vault secret/nested#db (version 1)"


def test_kv_1_is_read(vault: FakeVault) -> None:
    """Without versions."""
    vault.kv1["kv"]["orders"] = {"port": "6"}
    settings = settings_class(mount="kv", kv_version=1)()
    assert str(explain(settings)["port"]) == "port = 6  <- vault kv/orders#port"


def test_a_namespace_is_sent(vault: FakeVault) -> None:
    """Vault Enterprise and OpenBao keep tenants apart by a header."""
    vault.namespace = "team-a"
    assert settings_class(namespace="team-a")().port == 5433
    with pytest.raises(VaultRefused):
        settings_class(namespace="team-b")()


def test_encrypted_values_open_with_keys_that_transit_unwraps(
    vault: FakeVault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only wrapped keys are at rest; Vault is asked once, and only when there is an encrypted value."""
    import base64

    monkeypatch.chdir(tmp_path)
    session = VaultSession(vault.address, login=Token(ROOT_TOKEN))
    entry = new_key("2026")
    answer = session.put(
        "transit/encrypt/config", plaintext=base64.b64encode(Keyring.parse(entry).keys["2026"]).decode()
    )
    ring = transit_keyring({"2026": answer["data"]["ciphertext"]}, key="config", session=lambda: session)

    class Settings(BaseConfig):
        """One encrypted setting."""

        model_config = ConfigDict(files=("app.toml",), keyring=ring)
        password: str = ""

    (tmp_path / "app.toml").write_text("password = 'plain'\n")
    assert Settings().password == "plain"
    (tmp_path / "app.toml").write_text(f"password = '{Keyring.parse(entry).encrypt('sealed')}'\n")
    assert [Settings().password, Settings().password] == ["sealed", "sealed"]
    assert vault.requests.count("PUT transit/decrypt/config") == 1
    other = transit_keyring({"2026": "vault:v1:wrong"}, key="config", session=lambda: session)
    with pytest.raises(VaultRefused):
        other()


class TestLogins:
    """Each way to log in, and what happens to its tokens."""

    @pytest.mark.parametrize("kind", ["approle", "kubernetes", "jwt"])
    def test_a_login_gives_a_token_and_an_expired_one_is_replaced(
        self, kind: str, vault: FakeVault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Permission denied for a token that ended means: log in again, once, and go on."""
        monkeypatch.delenv("VAULT_TOKEN")
        (tmp_path / "token").write_text("service-account\n")
        login: Any = {
            "approle": AppRole("role", "hunter2-secret-id"),
            "kubernetes": Kubernetes("orders", token_file=str(tmp_path / "token")),
            "jwt": Jwt("orders", lambda: "hunter2-jwt"),
        }[kind]
        vault.allow_login(
            kind,
            **{
                "approle": {"role_id": "role", "secret_id": "hunter2-secret-id"},
                "kubernetes": {"role": "orders", "jwt": "service-account"},
                "jwt": {"role": "orders", "jwt": "hunter2-jwt"},
            }[kind],
        )
        session = quick(vault, login=login)
        make = settings_class(session=session)
        assert make().port == 5433
        vault.expire_tokens()
        assert make().port == 5433
        assert sum("login" in request for request in vault.requests) == 2
        assert "hunter2" not in repr(login)

    def test_wrong_credentials_are_refused_without_being_shown(self, vault: FakeVault) -> None:
        """A wrong secret id is an error that names the login."""
        vault.allow_login("approle", role_id="role", secret_id="right")
        session = quick(vault, login=AppRole("role", "hunter2-wrong"))
        with pytest.raises(VaultRefused, match=r"login for secret/data/orders.*HTTP 400") as caught:
            settings_class(session=session)()
        assert "hunter2" not in "".join(traceback.format_exception(caught.value))

    def test_an_expired_static_token_is_refused(self, vault: FakeVault) -> None:
        """There is nothing to log in with again."""
        with pytest.raises(VaultRefused, match="permission denied"):
            settings_class(login=Token("gone"))()
        assert len(vault.requests) == 1

    def test_a_service_account_that_is_not_there_is_a_mistake_and_no_outage(
        self, vault: FakeVault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The file is named, and no older copy takes its place."""
        monkeypatch.setenv("MAESTRO_CONFIG_KEYS", new_key("k"))
        copy = tmp_path / "copy"
        settings_class(last_known_good=copy)()
        login = Kubernetes("orders", token_file=str(tmp_path / "token"))
        with pytest.raises(ConfigError, match=r"no service account token at .*token: No such file"):
            settings_class(login=login, last_known_good=copy)()

    def test_missing_address_or_token_says_what_to_set(self, vault: FakeVault, monkeypatch: pytest.MonkeyPatch) -> None:
        """Before anything is sent."""
        monkeypatch.delenv("VAULT_TOKEN")
        with pytest.raises(ConfigError, match="set VAULT_TOKEN"):
            settings_class()()
        monkeypatch.delenv("VAULT_ADDR")
        with pytest.raises(ConfigError, match="set VAULT_ADDR"):
            settings_class()()


class TestRefusals:
    """A refusal is an error, with or without a last known good copy."""

    @pytest.mark.parametrize("with_copy", [False, True])
    @pytest.mark.parametrize("status", [400, 401, 403, 404, 405])
    def test_every_refusal_is_an_error(
        self, status: int, with_copy: bool, vault: FakeVault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Not an empty value, not an older value, and not tried again."""
        monkeypatch.setenv("MAESTRO_CONFIG_KEYS", new_key("k"))
        make = settings_class(last_known_good=tmp_path / "copy" if with_copy else None)
        make()
        vault.break_down(status)
        with pytest.raises(VaultRefused) as caught:
            make()
        assert caught.value.status == status

    def test_a_misspelt_path_or_key_is_suggested(self, vault: FakeVault) -> None:
        """The shield covers Vault's names too."""
        with pytest.raises(VaultRefused, match=r"secret/order: nothing is there; did you mean orders\?"):
            settings_class(paths=("order",))()
        with pytest.raises(VaultRefused, match=r"orders#pasword: no such key; did you mean password\?"):
            settings_class(fields={"password": "orders#pasword"})()

    def test_keys_that_nothing_reads_are_found_when_asked_for(self, vault: FakeVault) -> None:
        """With `unknown_names` a document is checked like a file."""

        class Strict(BaseConfig):
            """Refuses."""

            model_config = ConfigDict(remote=(Vault(paths=("orders",)),), unknown_names="refuse")
            port: int = 1
            passwort: str = ""

        with pytest.raises(InvalidConfiguration) as caught:
            Strict()
        assert "password: no setting has this name (secret/orders#password (version 1)); did you mean passwort?" in str(
            caught.value
        )
        assert "hunter2" not in str(caught.value)

    def test_a_deleted_document_is_refused(self, vault: FakeVault) -> None:
        """The last version deleted is not an empty document."""
        vault.delete("orders")
        with pytest.raises(VaultRefused):
            settings_class()()

    def test_a_refusal_is_one_of_the_problems_of_a_load(self, vault: FakeVault) -> None:
        """`load` has it in its message."""
        vault.denied.add("secret/data/orders")
        with pytest.raises(InvalidConfiguration, match="Vault refused secret/data/orders: permission denied"):
            load(settings_class())


class TestOutages:
    """Unavailable: tried again, then the last known good copy, then an error."""

    @pytest.mark.parametrize("status", [408, 412, 429, 500, 501, 502, 503, 504, 520, 530])
    def test_a_passing_failure_is_tried_again(self, status: int, vault: FakeVault) -> None:
        """With growing pauses."""
        pauses: list[float] = []
        vault.break_down(status, times=2)
        assert settings_class(session=quick(vault, pauses=pauses))().port == 5433
        assert pauses == [0.1, 0.2]

    def test_a_login_is_tried_again_too(self, vault: FakeVault) -> None:
        """An outage at the first request of all."""
        vault.allow_login("approle", role_id="r", secret_id="s")
        vault.break_down(503, times=2)
        assert settings_class(session=quick(vault, login=AppRole("r", "s")))().port == 5433

    @pytest.mark.parametrize("outage", ["sealed", "down", "slow", "gone"])
    def test_a_lasting_outage_boots_from_the_copy_and_says_so(
        self, outage: str, vault: FakeVault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The service starts with what it last knew, and readiness can tell."""
        monkeypatch.setenv("MAESTRO_CONFIG_KEYS", new_key("k"))
        copy = tmp_path / "state" / "copy"
        options: dict[str, Any] = {"last_known_good": copy, "timeout_s": 0.2, "attempts": 1}
        fresh = settings_class(**options)()
        assert degraded(fresh) == ()
        assert copy.stat().st_mode & 0o777 == 0o600
        assert b"hunter2" not in copy.read_bytes()
        settings, without_copy = self._during(outage, vault, options)
        assert settings.password.get_secret_value() == "hunter2-vault"
        (reason,) = degraded(settings)
        assert reason.startswith("Vault is unavailable")
        assert "(last known good)" in str(explain(settings)["port"])
        assert isinstance(without_copy, VaultUnavailable)
        if outage != "gone":
            assert degraded(settings_class(**options)()) == ()

    def _during(self, outage: str, vault: FakeVault, options: dict[str, Any]) -> tuple[Any, Exception]:
        def both() -> tuple[Any, Exception]:
            with pytest.raises(VaultUnavailable) as caught:
                settings_class(**options | {"last_known_good": None})()
            return settings_class(**options)(), caught.value

        if outage == "sealed":
            with vault.sealed():
                return both()
        if outage == "slow":
            with vault.hanging():
                return both()
        if outage == "down":
            vault.break_down(503, times=2)
            return both()
        vault.__exit__()
        try:
            return both()
        finally:
            vault.__enter__()

    @pytest.mark.parametrize(
        ("version", "answer"),
        [
            (2, {"data": {"data": "text", "metadata": {"version": 1}}}),
            *itertools.product((1, 2), ({}, {"data": None}, {"data": ["x"]}, {"errors": []})),
        ],
    )
    def test_an_answer_that_is_not_vaults_is_no_document(
        self, version: int, answer: dict[str, Any], vault: FakeVault, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A proxy's 200 with something else in it is an outage, and never an empty value."""
        monkeypatch.setattr(vault, "answer", lambda *_: (200, answer))
        with pytest.raises(VaultUnavailable, match="what answered is not Vault"):
            settings_class(kv_version=version, attempts=1)()

    def test_a_copy_that_cannot_be_trusted_is_not_used(
        self, vault: FakeVault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Changed, of another path, or without its key."""
        monkeypatch.setenv("MAESTRO_CONFIG_KEYS", new_key("k"))
        copy = tmp_path / "copy"
        settings_class(last_known_good=copy)()
        good = copy.read_text()
        with vault.sealed():
            with pytest.raises(ConfigError, match="another address, namespace, mount or list of paths"):
                settings_class(last_known_good=copy, paths=("orders", "more"), attempts=1)()
            with pytest.raises(ConfigError, match="another address, namespace, mount or list of paths"):
                settings_class(last_known_good=copy, namespace="team-b", attempts=1)()
            copy.write_text(good[:-8] + "AAAAAAA=")
            with pytest.raises(ConfigError, match="does not open"):
                settings_class(last_known_good=copy, attempts=1)()
            copy.write_text(good)
            monkeypatch.setenv("MAESTRO_CONFIG_KEYS", new_key("other"))
            with pytest.raises(ConfigError, match="encrypted with key 'k'"):
                settings_class(last_known_good=copy, attempts=1)()

    @pytest.mark.parametrize(
        "content", ["\udcff", "no JSON", "[1]", '{"about": "x"}', "{about}{}}", '{about}{"orders": {"z": 1}}}']
    )
    def test_a_copy_of_another_kind_is_named_and_not_used(
        self, content: str, vault: FakeVault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Not text, or of another version of this package: a message with the file's name instead of a TypeError."""
        monkeypatch.setenv("MAESTRO_CONFIG_KEYS", new_key("k"))
        copy = tmp_path / "copy"
        settings_class(last_known_good=copy)()
        ring = Keyring.from_environment()
        about = json.loads(ring.decrypt(copy.read_text(), name="last-known-good"))["about"]
        head = f'{{"about": {json.dumps(about)}, "saved_at": "x", "documents": '
        if content == "\udcff":
            copy.write_bytes(b"\xff\xfe")
        else:
            copy.write_text(ring.encrypt(content.replace("{about}", head), name="last-known-good"))
        with vault.sealed(), pytest.raises(ConfigError, match=f"the last known good copy {copy} (is no|was not)"):
            settings_class(last_known_good=copy, attempts=1)()

    @pytest.mark.parametrize("address", ["127.0.0.1:8200", "no address", "ftp://vault"])
    def test_an_address_that_is_none_is_a_mistake_and_no_outage(self, address: str) -> None:
        """It was tried again, and called an outage."""
        with pytest.raises(VaultError, match=r"no http:// or https:// URL; check VAULT_ADDR") as caught:
            settings_class(address=address, login=Token("x"))()
        assert not isinstance(caught.value, VaultUnavailable)

    def test_a_copy_is_never_written_in_clear(self, vault: FakeVault, tmp_path: Path) -> None:
        """Without a key the load fails and no file appears."""
        with pytest.raises(ConfigError, match="no key: set MAESTRO_CONFIG_KEYS"):
            settings_class(last_known_good=tmp_path / "copy")()
        assert list(tmp_path.iterdir()) == []

    def test_a_copy_that_cannot_be_written_does_not_keep_a_service_from_starting(
        self, vault: FakeVault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Vault has answered; a full or read-only disk is a warning. One that cannot be read is an error that names it."""
        monkeypatch.setenv("MAESTRO_CONFIG_KEYS", new_key("k"))
        (tmp_path / "file").write_text("not a folder")
        assert settings_class(last_known_good=tmp_path / "file" / "copy")().port == 5433
        assert "no last known good copy at" in caplog.text

    def test_a_copy_is_no_value_of_a_setting(
        self, vault: FakeVault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Pasted into a file, where its text might be shown, it does not open."""
        monkeypatch.setenv("MAESTRO_CONFIG_KEYS", new_key("k"))
        settings_class(last_known_good=tmp_path / "copy")()
        (tmp_path / "app.toml").write_text(f"greeting = '{(tmp_path / 'copy').read_text()}'\n")

        class Greeter(BaseConfig):
            """Shows its greeting."""

            model_config = ConfigDict(files=(str(tmp_path / "app.toml"),))
            greeting: str = ""

        with pytest.raises(ConfigError, match="encrypted for 'last-known-good', and not for 'greeting'"):
            Greeter()


class TestKeyValue:
    """The contract that our server keeps as the real one does in `integration/test_openbao.py`."""

    @pytest.mark.parametrize("version", [1, 2])
    def test_what_is_written_is_read_and_what_is_missing_is_refused(self, version: int, vault: FakeVault) -> None:
        """Both versions of the engine."""
        mount = {1: "kv", 2: "secret"}[version]
        vault.write("maestro-test/orders", port="5", host="h")
        vault.kv1["kv"]["maestro-test/orders"] = {"port": "5", "host": "h"}
        session = VaultSession(vault.address, login=Token(ROOT_TOKEN))
        content, number = session.read_kv("maestro-test/orders", mount=mount, version=version)
        assert content == {"port": "5", "host": "h"}
        assert (number is None) == (version == 1)
        assert "orders" in session.list_kv("maestro-test", mount=mount, version=version)
        with pytest.raises(VaultRefused) as caught:
            session.read_kv("maestro-test/nothing", mount=mount, version=version)
        assert caught.value.status == 404
        wrong = VaultSession(vault.address, login=Token("wrong"))
        with pytest.raises(VaultRefused) as caught:
            wrong.read_kv("maestro-test/orders", mount=mount, version=version)
        assert caught.value.status == 403
