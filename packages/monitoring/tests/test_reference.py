"""Promises of the reference page: it names all there is. Its blocks run in the workspace's `tests/test_docs.py`."""

import importlib
import inspect
import re
from dataclasses import fields
from importlib.metadata import metadata
from pathlib import Path

import pytest

from maestro_monitoring import SLO, BusinessCounter, ClientMetrics, setup_monitoring, watch_pool
from maestro_monitoring._registry import declared_metrics
from maestro_monitoring._rules import rule_groups
from maestro_monitoring.tracing import setup_tracing

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "reference" / "monitoring.md").read_text(encoding="utf-8")


def missing(names) -> list[str]:
    return [name for name in names if not re.search(rf"(?<![a-z_]){re.escape(name)}(?![a-z_])", PAGE)]


@pytest.mark.parametrize("module", ["", ".asgi", ".tracing", ".testing"])
def test_every_public_name_is_on_the_page(module):
    """Errors too."""
    assert missing(importlib.import_module(f"maestro_monitoring{module}").__all__) == []


def test_every_metric_and_label_is_on_the_page(registry):
    """Also those that appear only when a label overflows or a pool is watched."""
    setup_monitoring("orders", registry=registry)
    ClientMetrics("payments", registry=registry)
    watch_pool("db", size=lambda: 1, in_use=lambda: 0, registry=registry)
    BusinessCounter("paid", "Paid.", labels={"currency": 1}, registry=registry)
    shown = [metric for metric in declared_metrics(registry) if metric.name != "paid"]
    totals = [f"{metric.name}_total" if metric.kind == "Counter" else metric.name for metric in shown]
    assert len(totals) > 12
    assert missing(totals) == []
    assert missing(f"`{label}`" for metric in shown for label in metric.labels) == []


def test_every_setting_is_on_the_page():
    """The parameters of both set-up calls and the fields of an objective."""
    parameters = [*inspect.signature(setup_monitoring).parameters, *inspect.signature(setup_tracing).parameters]
    assert missing(f"`{name}`" for name in [*parameters, *(field.name for field in fields(SLO))]) == []


def test_every_recorded_series_is_on_the_page():
    """Whatever a dashboard may ask for."""
    rules = rule_groups([SLO(name="a", service="b", objective=99)])["groups"]
    names = {rule["record"] for group in rules for rule in group["rules"] if "record" in rule}
    assert missing(name for name in names if "ratio_rate" not in name) == []


def test_every_extra_is_on_the_page():
    """What can be installed besides."""
    extras = metadata("maestro-monitoring").get_all("Provides-Extra")
    assert missing(f"`{extra}`" for extra in extras if extra != "all") == []
