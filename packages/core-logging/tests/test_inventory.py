"""Promises of `maestro logging`: every event of the code, and a failed check when the list is stale."""

import json
from importlib.metadata import entry_points

import pytest
from click.testing import CliRunner

from maestro_core_logging._inventory import log_sites
from maestro_core_logging.cli import logging_group

SERVICE = """
import logging
from maestro_core_logging import AuditLog, emit_event, get_logger, once

raise RuntimeError("nobody may import this")
log = get_logger(__name__)
audit = AuditLog("x")
log.info("order paid", order_id=1, amount=2.0)
log.warning("stock of %s is low", sku, extra={"tenant": "acme", **more})
log.exception(f"order {order.id} failed")
self._logger.bind(user=1).debug("cart loaded", **fields)
logging.error("no | configuration", exc_info=True)
log.log(logging.CRITICAL, "out of disk")
log.log(level, message)
get_logger("other").info("made in place")
once(log).warning("deprecated", field="sku")
audit.write("role_granted", actor="ann", role="ops")
emit_event("rollout finished", share=1)
parser.error("no log call")
catalog.info("no log call")
math.log(2)
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run a command in a folder with a service."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "svc").mkdir()
    (tmp_path / "svc" / "orders.py").write_text(SERVICE)
    return lambda *arguments: CliRunner().invoke(logging_group, list(arguments), catch_exceptions=False)


def test_it_is_a_command_of_maestro():
    """The entry point leads to the group."""
    (point,) = [p for p in entry_points(group="maestro.commands") if p.name == "logging"]
    assert point.load() is logging_group


def test_every_log_call_is_listed_with_level_and_fields(run, tmp_path):
    """Whatever the logger is called and however it is made; calls of others that look alike are not."""
    assert {(site.event, site.level, site.fields) for site in log_sites(tmp_path / "svc")} == {
        ("order paid", "info", ("amount", "order_id")),
        ("stock of %s is low", "warning", ("tenant", "…")),
        ("order {order.id} failed", "error", ()),
        ("cart loaded", "debug", ("…",)),
        ("no | configuration", "error", ()),
        ("out of disk", "critical", ()),
        ("(computed)", "(computed)", ()),
        ("made in place", "info", ()),
        ("deprecated", "warning", ("field",)),
        ("role_granted", "audit", ("actor", "role")),
        ("rollout finished", "info", ("share",)),
    }


def test_the_check_fails_when_a_field_is_added_and_not_when_lines_move(run, tmp_path):
    """The inventory is a promise about events, not about line numbers."""
    assert run("inventory", "svc").exit_code == 0
    assert run("check", "svc").exit_code == 0
    code = tmp_path / "svc" / "orders.py"
    code.write_text("\n\n" + SERVICE)
    assert run("check", "svc").exit_code == 0
    code.write_text(SERVICE.replace("amount=2.0", "amount=2.0, card=card"))
    stale = run("check", "svc")
    assert stale.exit_code == 1
    assert "+| `order paid` | info | amount, card, order_id | orders.py |" in stale.output
    assert run("inventory", "svc").exit_code == 0
    assert run("check", "svc").exit_code == 0


def test_json_names_lines(run):
    """For tools that lead to the code."""
    sites = json.loads(run("inventory", "svc", "--json").output)
    assert next(site for site in sites if site["event"] == "order paid")["line"] == 8


def test_what_cannot_be_read_is_said(run, tmp_path):
    """Exit code 2 and one line; a list that leaves a file out is none."""
    (tmp_path / "svc" / "broken.py").write_text("def (")
    refused = run("inventory", "svc")
    assert refused.exit_code == 2
    assert "cannot read broken.py" in refused.output
    assert not (tmp_path / "docs").exists()
    (tmp_path / "svc" / "broken.py").unlink()
    assert run("check", "svc", "--output", "missing.md").exit_code == 2
