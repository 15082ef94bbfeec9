"""`maestro config`: each command on an importable class, with its exit code."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from maestro_core_config.cli import config
from maestro_core_config.crypto import Keyring, new_key

Run = Callable[..., Result]
MODULE = '''
from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict
from maestro_core_config import BaseConfig, ConfigDict, env

class Settings(BaseConfig):
    """Of one service."""
    model_config = ConfigDict(files=("app.toml", "?app.{environment}.toml"), env_prefix="APP_")
    port: int = 8000
    key: SecretStr = SecretStr("k")
    region: str = env("T_REGION", "eu")

class Plain(BaseSettings):
    """Of pydantic-settings."""
    model_config = SettingsConfigDict(env_prefix="APP_", extra="ignore")
    port: int = 8000
    key: SecretStr = SecretStr("k")

    @classmethod
    def settings_customise_sources(cls, settings_cls, init_settings, env_settings, dotenv_settings, file_secret_settings):
        return init_settings, env_settings

class Outer:
    class Inner(Plain): ...

class Other: ...
'''


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "svc_settings", raising=False)
    monkeypatch.delenv("MAESTRO_CONFIG_KEYS", raising=False)
    monkeypatch.delenv("MAESTRO_CONFIG_KEYS_FILE", raising=False)
    Path("svc_settings.py").write_text(MODULE)
    Path("svc_broken.py").write_text("int('hunter2')")
    Path("app.toml").write_text("port = 1\nkey = 'hunter2'\n")

    def invoke(*arguments: str, text: str | None = None) -> Result:
        return CliRunner().invoke(config, arguments, input=text)

    return invoke


def test_validate_says_valid_or_everything_that_is_wrong(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 0 or 1."""
    done = run("validate", "svc_settings:Settings")
    assert (done.exit_code, done.output) == (0, "Settings: valid\n")
    monkeypatch.setenv("APP_PORT", "hunter2")
    monkeypatch.setenv("APP_PROT", "1")
    done = run("validate", "svc_settings:Settings")
    assert done.exit_code == 1
    assert "2 problems" in done.output
    assert "did you mean APP_PORT?" in done.output
    assert "hunter2" not in done.output


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("svc_settings", "is not of the form MODULE:CLASS"),
        ("nothing:Settings", "cannot import nothing:Settings"),
        ("svc_settings:Nothing", "cannot import svc_settings:Nothing"),
        ("svc_broken:Settings", "cannot import svc_broken:Settings: ValueError"),
        ("svc_settings:Other", "is not a class that derives from BaseConfig or BaseSettings"),
    ],
)
def test_a_wrong_target_is_wrong_use(run: Run, target: str, says: str) -> None:
    """Exit 2 and a reason."""
    done = run("validate", target)
    assert done.exit_code == 2
    assert says in done.output


@pytest.mark.parametrize("target", ["svc_settings:Plain", "svc_settings:Outer.Inner"])
def test_classes_of_pydantic_settings_are_settings_too(target: str, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anybody migrates them: where values come from, typos, documents under their own name."""
    monkeypatch.setenv("APP_PORT", "9")
    name = target.rpartition(":")[2].rpartition(".")[2]
    assert run("explain", target).output == "port = 9  <- environment APP_PORT\nkey = '**********'  <- default\n"
    assert json.loads(run("schema", target).output)["title"] == name
    assert run("docs", target).output.startswith(f"# {name}\n")
    assert run("diff", target, "staging", "production").exit_code == 0
    assert run("validate", target).output == f"{name}: valid\n"
    monkeypatch.setenv("APP_PROT", "hunter2")
    done = run("validate", target)
    assert done.exit_code == 1
    assert "did you mean APP_PORT?" in done.output


def test_explain_prints_layers_as_text_and_as_json(run: Run) -> None:
    """All settings or some of them, secrets masked."""
    done = run("explain", "svc_settings:Settings")
    assert done.output.splitlines() == [
        "port = 1  <- file app.toml:1",
        "key = '**********'  <- file app.toml:2",
        "region = 'eu'  <- default",
    ]
    (entry,) = json.loads(run("explain", "svc_settings:Settings", "port", "--json").output)
    assert entry == {"name": "port", "value": "1", "layer": "file", "location": "app.toml:1", "overrides": []}
    assert run("explain", "svc_settings:Settings", "prot").exit_code == 2


@pytest.mark.parametrize(
    "arguments",
    [["schema"], ["docs"], ["docs", "--format", "env"], ["docs", "--format", "kubernetes", "--name", "svc"]],
)
def test_documents_are_printed_written_and_checked_for_drift(run: Run, arguments: list[str]) -> None:
    """The three ways agree; a changed or missing file exits 1 and stays as it is."""
    command, *options = arguments
    base = [command, "svc_settings:Settings", *options]
    printed = run(*base)
    assert printed.exit_code == 0
    assert run(*base, "--check", "doc").exit_code == 1
    assert run(*base, "--output", "doc").exit_code == 0
    assert Path("doc").read_text() == printed.output
    assert run(*base, "--check", "doc").exit_code == 0
    Path("doc").write_text("old")
    done = run(*base, "--check", "doc")
    assert done.exit_code == 1
    assert "--output doc" in done.output
    assert Path("doc").read_text() == "old"


def test_diff_compares_environments_without_showing_secrets(run: Run) -> None:
    """Values that differ, secrets that differ, nothing that is the same."""
    Path("app.staging.toml").write_text("port = 2\nkey = 'hunter3'\n")
    done = run("diff", "svc_settings:Settings", "production", "staging")
    assert done.output.splitlines() == ["key: '**********' -> '**********'", "port: 1 -> 2"]
    assert done.exit_code == 0
    assert run("diff", "svc_settings:Settings", "production", "staging", "--exit-code").exit_code == 1
    Path("app.broken.toml").write_text("port = 'x'\n")
    done = run("diff", "svc_settings:Settings", "staging", "broken")
    assert (done.exit_code, done.output.splitlines()[0]) == (1, "in broken: Settings: 1 problem")
    assert run("diff", "svc_settings:Settings", "a", "b").output == "a and b are the same\n"


def test_values_are_encrypted_decrypted_and_rotated(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """From a new key to a rotated file, values only by standard input."""
    old = run("encrypt", "--new-key", "old").output.strip()
    new = run("encrypt", "--new-key", "new").output.strip()
    monkeypatch.setenv("MAESTRO_CONFIG_KEYS", old)
    envelope = run("encrypt", text="hunter2\n").output.strip()
    assert run("decrypt", text=envelope).output == "hunter2\n"
    Path("app.toml").write_bytes(f"key = '{envelope}'  # mine\r\n".encode())
    Path("app.toml").chmod(0o640)
    assert run("decrypt", "app.toml").stdout_bytes == b"key = 'hunter2'  # mine\r\n"
    monkeypatch.setenv("MAESTRO_CONFIG_KEYS", f"{new},{old}")
    assert run("rotate", "app.toml", "--check").exit_code == 1
    assert run("rotate", "app.toml").output == "app.toml: rotated\n"
    assert run("rotate", "app.toml", "--check").exit_code == 0
    assert run("rotate", "app.toml").output == ""
    assert Path("app.toml").stat().st_mode & 0o777 == 0o640
    monkeypatch.setenv("MAESTRO_CONFIG_KEYS", new)
    assert run("decrypt", "app.toml").output.startswith("key = 'hunter2'")


def test_a_value_may_be_for_one_setting_only(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--for` binds it; a name that cannot be one is wrong use."""
    ring = run("encrypt", "--new-key", "k").output.strip()
    monkeypatch.setenv("MAESTRO_CONFIG_KEYS", ring)
    envelope = run("encrypt", "--for", "db.password", text="hunter2\n").output.strip()
    assert envelope.startswith("enc:v2:k:db.password:")
    assert run("decrypt", text=envelope).output == "hunter2\n"
    assert run("encrypt", "--for", "db:password", text="x").exit_code == 2


def test_what_cannot_be_opened_is_wrong_use_and_changes_nothing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """No key, another key, not an envelope, one bad value among good files."""
    assert run("encrypt", text="x").exit_code == 2
    foreign = Keyring.parse(new_key("foreign")).encrypt("x")
    mine = new_key("mine")
    monkeypatch.setenv("MAESTRO_CONFIG_KEYS", mine)
    assert "not an envelope" in run("decrypt", text="hello").output
    assert "encrypted with key 'foreign'" in run("decrypt", text=foreign).output
    older = new_key("older")
    good = f"a = '{Keyring.parse(older).encrypt('x')}'\n"
    monkeypatch.setenv("MAESTRO_CONFIG_KEYS", f"{mine},{older}")
    Path("good.toml").write_text(good)
    Path("bad.toml").write_text(f"a = '{foreign}'\n")
    Path("binary.toml").write_bytes(b"\xff")
    assert run("rotate", "good.toml", "bad.toml").exit_code == 2
    assert run("rotate", "good.toml", "binary.toml").exit_code == 2
    assert Path("good.toml").read_text() == good


def test_a_key_is_made_with_an_id_that_can_be_used_only(run: Run) -> None:
    """It was printed, and refused where it was needed."""
    refused = run("encrypt", "--new-key", "bad id:,")
    assert refused.exit_code == 2
    assert "key id 'bad id:,': use letters" in refused.output


def test_rotating_keeps_links_owner_and_mode(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file behind a link is rotated, and the service may read it still, whoever rotates."""
    old, new = new_key("old"), new_key("new")
    secrets = Path("secrets.toml")
    secrets.write_text(f"password = '{Keyring.parse(old).encrypt('x')}'\n")
    secrets.chmod(0o640)
    Path("link.toml").symlink_to(secrets)
    owners: list[tuple[int, int]] = []
    monkeypatch.setattr("shutil.chown", lambda _, user, group: owners.append((user, group)))
    monkeypatch.setenv("MAESTRO_CONFIG_KEYS", f"{new},{old}")
    assert run("rotate", "link.toml").exit_code == 0
    assert Path("link.toml").is_symlink()
    assert "enc:v1:new:" in secrets.read_text()
    assert secrets.stat().st_mode & 0o777 == 0o640
    assert owners == [(secrets.stat().st_uid, secrets.stat().st_gid)]


def test_what_cannot_be_written_is_told(run: Run) -> None:
    """It was a traceback."""
    Path("file").touch()
    told = run("schema", "svc_settings:Settings", "--output", "file/schema.json")
    assert (told.exit_code, type(told.exception)) == (2, SystemExit)
    assert "file" in told.output


def test_the_command_is_registered_for_maestro() -> None:
    """`maestro config` finds the group by its entry point."""
    from importlib.metadata import entry_points

    (entry,) = [e for e in entry_points(group="maestro.commands") if e.name == "config"]
    assert entry.load() is config
