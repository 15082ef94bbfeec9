"""Encrypted values: what is sealed opens again, and nothing else does."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from maestro_core_config import BaseConfig, ConfigDict, explain
from maestro_core_config.crypto import (
    DecryptionError,
    Keyring,
    decrypted,
    is_encrypted,
    key_id_of,
    new_key,
    rewrite_envelopes,
)

OLD, NEW = Keyring.parse(new_key("2024")), Keyring.parse(new_key("2025"))
BOTH = Keyring({**NEW.keys, **OLD.keys})


@given(st.text())
def test_a_text_survives_the_round_trip_and_never_shows(text: str) -> None:
    """Any text; two envelopes of one text differ."""
    first, second = OLD.encrypt(text), OLD.encrypt(text)
    assert OLD.decrypt(first) == OLD.decrypt(second) == text
    assert first != second
    assert is_encrypted(first)


@given(st.integers(min_value=0), st.sampled_from("AZaz09-_"))
def test_a_changed_envelope_does_not_open(position: int, letter: str) -> None:
    """Any single changed character of the sealed part is noticed, or does not change the sealed bytes."""
    import base64

    envelope = OLD.encrypt("hunter2")
    head, _, body = envelope.rpartition(":")
    index = position % len(body.rstrip("="))
    changed = body[:index] + letter + body[index + 1 :]
    if base64.urlsafe_b64decode(changed) == base64.urlsafe_b64decode(body):
        return
    with pytest.raises(DecryptionError, match="does not open"):
        OLD.decrypt(f"{head}:{changed}")


def test_a_key_id_is_part_of_what_is_sealed() -> None:
    """Renaming the key in the envelope does not make another key open it, even the same bytes under another id."""
    renamed = Keyring({"2025": OLD.keys["2024"]})
    with pytest.raises(DecryptionError, match="does not open"):
        renamed.decrypt(OLD.encrypt("x").replace(":2024:", ":2025:"))


def test_a_bound_envelope_opens_as_its_own_setting_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Swapped between settings, renamed, or stripped of its name it is refused; rotated it keeps its name."""

    class Settings(BaseConfig):
        """A secret, and a text that everybody may see."""

        model_config = ConfigDict(files=("app.toml",), env_file=".env", extra="ignore", keyring=lambda: BOTH)
        db: dict[str, str] = Field(default_factory=dict)
        greeting: str = ""
        token: str = ""

    monkeypatch.chdir(tmp_path)
    envelope = OLD.encrypt("hunter2", name="db.password")
    Path("app.toml").write_text(f"[db]\npassword = '{envelope}'\n")
    Path(".env").write_text(f"TOKEN={OLD.encrypt('t', name='TOKEN')}\n")
    assert (Settings().db, Settings().token) == ({"password": "hunter2"}, "t")
    rotated = rewrite_envelopes(envelope, BOTH.rotate)
    assert rotated.startswith("enc:v2:2025:db.password:")
    assert NEW.decrypt(rotated, name="DB.Password") == "hunter2"
    Path("app.toml").write_text(f"greeting = '{envelope}'\n")
    with pytest.raises(
        DecryptionError, match=r"app.toml.greeting: encrypted for 'db.password', and not for 'greeting'"
    ):
        Settings()
    Path("app.toml").write_text("")
    Path(".env").write_text(f"GREETING={OLD.encrypt('t', name='TOKEN')}\n")
    with pytest.raises(DecryptionError, match="encrypted for 'TOKEN', and not for 'greeting'"):
        Settings()
    for moved in (envelope.replace("db.password", "greeting"), envelope.replace("v2:2024:db.password", "v1:2024")):
        with pytest.raises(DecryptionError, match="does not open"):
            OLD.decrypt(moved, name="greeting")
    with pytest.raises(DecryptionError, match="use letters"):
        OLD.encrypt("x", name="a:b")


@given(st.integers(min_value=0, max_value=56))
def test_a_truncated_envelope_does_not_open(length: int) -> None:
    """Cut anywhere, padded or not: one class of error, and no part of the text."""
    envelope = OLD.encrypt("hunter2-hunter2", name="a")
    cut = envelope[: len("enc:v2:2024:a:") + length]
    for text in (cut, cut + "=" * (-length % 4)):
        with pytest.raises(DecryptionError):
            OLD.decrypt(text)


def test_an_older_envelope_opens_until_its_key_is_gone() -> None:
    """A replay is not noticed; taking the old key out of the ring ends it."""
    older = OLD.encrypt("old password", name="db.password")
    assert BOTH.decrypt(older, name="db.password") == "old password"
    with pytest.raises(DecryptionError, match="encrypted with key '2024'"):
        NEW.decrypt(older, name="db.password")


def test_rotation_seals_again_with_the_first_key_and_rests() -> None:
    """Old envelopes move, new ones stay as they are byte for byte, other text is untouched."""
    text = f"a = '{OLD.encrypt('one')}'  # comment\r\nb = \"{NEW.encrypt('two')}\"\n"
    rotated = rewrite_envelopes(text, BOTH.rotate)
    assert rewrite_envelopes(rotated, BOTH.rotate) == rotated
    assert rotated.splitlines(keepends=True)[1] == text.splitlines(keepends=True)[1]
    assert rotated.startswith("a = 'enc:v1:2025:")
    assert rotated.endswith("\n")
    assert rewrite_envelopes(rotated, NEW.decrypt) == "a = 'one'  # comment\r\nb = \"two\"\n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no key"),
        ("id", "entry 1 is not"),
        ("id:###", "entry 1 is not"),
        ("id:aGk=", "has 2 bytes"),
        (new_key("good").replace("good", "bad id"), "key id 'bad id'"),
    ],
    ids=["empty", "no separator", "not base64", "too short", "bad id"],  # a new key each time would name the test anew
)
def test_unusable_keys_are_refused(text: str, says: str) -> None:
    """Said at once, and not when the first value is opened; a key is never in the message."""
    with pytest.raises(DecryptionError, match=says):
        Keyring.parse(text)


def test_a_file_of_keys_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mount that is missing is an error of configuration like any other."""
    monkeypatch.setenv("MAESTRO_CONFIG_KEYS_FILE", "/nowhere/keys")
    with pytest.raises(DecryptionError, match="MAESTRO_CONFIG_KEYS_FILE: /nowhere/keys: No such file or directory"):
        Keyring.from_environment()


def test_no_repr_shows_a_key() -> None:
    """Keyrings end up in tracebacks and logs."""
    assert "b'" not in repr(OLD)


def test_an_unknown_key_is_named() -> None:
    """The message says which key is missing and which there are."""
    with pytest.raises(DecryptionError, match="encrypted with key '2025', which is not among 2024"):
        OLD.decrypt(NEW.encrypt("x"))
    with pytest.raises(DecryptionError, match="not an envelope"):
        key_id_of("enc:v1:x")


def test_documents_are_opened_at_any_depth_and_name_the_place() -> None:
    """Mappings and lists; without an envelope nobody asks for keys."""
    document = {"a": [OLD.encrypt("x"), 1], "b": {"c": "plain"}}
    assert decrypted(document, where="f", keyring=lambda: OLD) == {"a": ["x", 1], "b": {"c": "plain"}}
    assert decrypted({"a": "plain"}, where="f", keyring=lambda: pytest.fail("no key is needed")) == {"a": "plain"}
    with pytest.raises(DecryptionError, match=r"f\.a\[0\]: encrypted with key '2024'"):
        decrypted(document, where="f", keyring=lambda: NEW)


@pytest.mark.parametrize("keys_in", ["variable", "file"])
def test_settings_open_values_in_files_and_dotenv(
    keys_in: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TOML and `.env`, keys from a variable or from a mounted file."""

    class Settings(BaseConfig):
        """Two encrypted settings."""

        model_config = ConfigDict(files=("app.toml",), env_file=".env")
        password: str = ""
        token: str = ""

    monkeypatch.chdir(tmp_path)
    entry = new_key("k1")
    ring = Keyring.parse(entry)
    if keys_in == "variable":
        monkeypatch.setenv("MAESTRO_CONFIG_KEYS", entry)
    else:
        (tmp_path / "keys").write_text(entry + "\n")
        monkeypatch.setenv("MAESTRO_CONFIG_KEYS_FILE", str(tmp_path / "keys"))
    (tmp_path / "app.toml").write_text(f"password = '{ring.encrypt('p')}'\n")
    (tmp_path / ".env").write_text(f"TOKEN={ring.encrypt('t')}\n")
    settings = Settings()
    assert (settings.password, settings.token) == ("p", "t")
    assert str(explain(settings)["token"].place) == ".env .env:1 TOKEN"
