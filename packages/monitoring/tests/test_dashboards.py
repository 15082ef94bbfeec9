"""Promises of the generated dashboards."""

import json
import runpy
import sys
from pathlib import Path

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from maestro_monitoring import BusinessCounter, BusinessGauge, BusinessHistogram, MissingExtraError, setup_monitoring
from maestro_monitoring._dashboards import dashboard
from maestro_monitoring._panels import panels

SLOS = runpy.run_path(str(Path(__file__).with_name("slos.py")))["SLOS"]


def test_a_dashboard_is_what_grafana_reads(registry):
    """Every field is one that Grafana's generated model knows, and survives the way in and out."""
    setup_monitoring("orders", registry=registry)
    board = dashboard("orders", panels("orders", slos=SLOS, registry=registry))
    back = json.loads(JSONEncoder().encode(Dashboard.from_json(json.loads(json.dumps(board)))))
    assert back == board
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])


def test_panels_do_not_overlap_and_stay_on_the_grid(registry):
    """Grafana's grid is 24 wide; two panels never share a place."""
    setup_monitoring("orders", registry=registry)
    board = dashboard("orders", panels("orders", slos=SLOS, registry=registry))
    taken = set()
    for panel in board["panels"]:
        if panel["type"] == "row":
            continue
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert taken.isdisjoint(cells)
        taken |= cells


def test_only_what_is_declared_is_shown(registry):
    """No panel without a metric behind it, and one for every business metric."""
    assert panels("orders", registry=registry) == []
    BusinessCounter("orders_paid", "Orders paid.", labels={"currency": 5}, registry=registry)
    BusinessGauge("queue_length", "Waiting.", registry=registry)
    BusinessHistogram("basket_items", "Items.", registry=registry)
    shown = {spec.title: spec for spec in panels("orders", registry=registry)}
    assert set(shown) == {"orders_paid", "queue_length", "basket_items"}
    assert (
        shown["orders_paid"].queries[0].expr
        == 'sum by (currency) (rate(orders_paid_total{job="orders"}[$__rate_interval]))'
    )
    assert shown["orders_paid"].description == "Orders paid."


def test_without_grafanas_sdk_the_error_names_the_extra(registry, monkeypatch):
    """What is missing is an extra, and the message says which."""
    monkeypatch.setitem(sys.modules, "grafana_foundation_sdk.builders", None)
    with pytest.raises(MissingExtraError, match=r"maestro-monitoring\[grafana\]"):
        dashboard("orders", [])
