import json
import logging
from unittest.mock import patch

import pytest
from click.testing import CliRunner

from opstools import cert_watch
from opstools.cert_watch import Certificate, cli


@pytest.fixture
def inventory(tmp_path):
    file = tmp_path / "certs.json"
    file.write_text(
        json.dumps(
            [
                {"host": "shop.example.com", "ends": "2024-06-10", "issuer": "R3"},
                {"host": "api.example.com", "ends": "2024-05-20"},
                {"host": "old.example.org", "ends": "2024-05-01"},
            ]
        )
    )
    return str(file)


@pytest.fixture
def run():
    return lambda *args, **kwargs: CliRunner().invoke(cli, args, **kwargs)


@pytest.mark.parametrize("today, state", [("2024-05-01", "fine"), ("2024-05-20", "soon"), ("2024-06-11", "ended")])
def test_state(today, state):
    day = cert_watch.datetime.date.fromisoformat(today)
    assert Certificate("a", "2024-06-10").state(day, 21) == state


def test_check_tells_what_ended(run, inventory):
    result = run("check", inventory, "--today", "2024-05-10")
    assert result.exit_code == 2
    assert "ended old.example.org 2024-05-01\nsoon api.example.com 2024-05-20\n" in result.stdout


def test_check_tells_what_ends_soon(run, inventory, caplog):
    result = run("check", inventory, "--today", "2024-05-01", "--warn-days", "1")
    assert result.exit_code == 1
    assert caplog.record_tuples == [("opstools.cert_watch", 30, "1 certificates end within 1 days")]


def test_check_is_quiet_when_all_is_fine(run, inventory):
    result = run("check", inventory, "--today", "2024-01-01")
    assert (result.exit_code, result.stdout) == (0, "")


def test_hosts_are_on_the_record(run, inventory, caplog):
    run("check", inventory, "--today", "2024-05-10", "--warn-days", "0")
    assert [r.hosts for r in caplog.records if r.levelname == "ERROR"] == [["old.example.org"]]


def test_report(run, inventory):
    with patch.object(cert_watch, "OWNERS", {"example.com": "web@example.com"}):
        lines = run("report", inventory, "--today", "2024-05-10").stdout.splitlines()
    assert lines[0].split() == ["host", "ends", "days", "owner", "issuer"]
    assert lines[2].split() == ["old.example.org", "2024-05-01", "-9", "nobody", "unknown"]
    assert lines[4].split() == ["shop.example.com", "2024-06-10", "31", "web@example.com", "R3"]


def test_default_owner(monkeypatch):
    monkeypatch.setenv("CERT_DEFAULT_OWNER", "ops@example.com")
    assert cert_watch.owner("a.b.c") == "ops@example.com"


def test_mail(run, inventory):
    env = {"CERT_MAIL_FROM": "watch@example.com"}
    result = run("check", inventory, "--today", "2024-05-10", "--mail", env=env)
    assert "From: watch@example.com" in result.stdout
    assert "Subject: 2 certificates need you" in result.stdout
    assert "api.example.com ends in 10 days" in result.stdout


def test_mail_needs_a_sender(run, inventory):
    result = run("check", inventory, "--today", "2024-05-10", "--mail", env={"CERT_MAIL_FROM": None})
    assert isinstance(result.exception, KeyError)


def test_add_and_renew(run, inventory):
    assert run("add", inventory, "new.example.com", "2025-01-01").stdout == "new.example.com until 2025-01-01\n"
    run("add", inventory, "api.example.com", "2025-02-02", env={"CERT_ISSUER": "E6"})
    with open(inventory) as fh:
        entries = {e["host"]: e for e in json.load(fh)}
    assert len(entries) == 4
    assert entries["api.example.com"] == {"host": "api.example.com", "ends": "2025-02-02", "issuer": "E6"}


def test_add_to_nothing(run, tmp_path, caplog):
    file = tmp_path / "new.json"
    assert run("add", str(file), "a.example.com", "2025-01-01").exit_code == 0
    assert f"no inventory at {file}, starting an empty one" in caplog.messages


def test_bad_day(run, inventory):
    assert run("add", inventory, "a.example.com", "tomorrow").exit_code == 2
    assert "a day is YYYY-MM-DD" in run("report", inventory, "--today", "x").stderr


def test_broken_inventory(run, tmp_path):
    (tmp_path / "certs.json").write_text("{")
    with patch("opstools.cert_watch.logger.exception") as exception:
        assert run("report", str(tmp_path / "certs.json")).exit_code == 1
    exception.assert_called_once_with("inventory cannot be read")


def test_bad_entries_are_left_out(run, tmp_path, caplog):
    file = tmp_path / "certs.json"
    file.write_text(json.dumps([{"host": "a.example.com", "ends": "someday"}, {"host": "b", "ends": "2025-01-01"}]))
    result = run("report", str(file))
    assert len(result.stdout.splitlines()) == 3
    assert [r.levelno for r in caplog.records] == [logging.ERROR]
    assert caplog.messages[0].startswith("bad entry a.example.com: ")


def test_version(run):
    assert run("--version").stdout.endswith("1.3.0\n")
