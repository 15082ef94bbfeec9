"""Promises of the generated dashboards."""

import json
import re
import runpy
import sys
from pathlib import Path

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.prometheus import Dataquery
from jsonschema import Draft7Validator

from maestro_monitoring import (
    BusinessCounter,
    BusinessGauge,
    BusinessHistogram,
    ClientMetrics,
    MissingExtraError,
    setup_monitoring,
    watch_pool,
)
from maestro_monitoring._dashboards import dashboard
from maestro_monitoring._panels import panels

SLOS = runpy.run_path(str(Path(__file__).with_name("slos.py")))["SLOS"]


SCHEMA = json.loads(Path(__file__).with_name("grafana.schema.json").read_text(encoding="utf-8"))


def errors_against(name: str, value: object) -> list[str]:
    """Say what one of Grafana's types has against a value."""
    validator = Draft7Validator({"$ref": f"#/definitions/{name}", "definitions": SCHEMA["definitions"]})
    return [f"{name} {error.json_path}: {error.message}" for error in validator.iter_errors(value)]


def errors_of(board: dict) -> list[str]:
    """Say what Grafana's published schema has against a dashboard, its panels and their options."""
    # The panels are asked one by one: "neither a panel nor a row" would not say why.
    found = errors_against("GrafanaDashboard", {**board, "panels": []})
    for panel in board["panels"]:
        if panel["type"] == "row":
            found += errors_against("RowPanel", panel)
            continue
        found += errors_against("Panel", panel)
        found += errors_against(f"{panel['type'].capitalize()}Options", panel["options"])
        found += errors_against("TimeseriesFieldConfig", panel["fieldConfig"]["defaults"].get("custom", {}))
    return found


@pytest.fixture
def board(registry) -> dict:
    """The dashboard of a service with objectives, calls, a pool and business metrics, read back from JSON."""
    setup_monitoring("orders", registry=registry)
    ClientMetrics("payments", registry=registry)
    watch_pool("db", size=lambda: 1, in_use=lambda: 0, registry=registry)
    BusinessCounter("orders_paid", "Orders paid.", labels={"currency": 5}, registry=registry)
    return json.loads(json.dumps(dashboard("orders", panels("orders", slos=SLOS, registry=registry))))


def test_a_dashboard_is_valid_against_grafanas_schema(board):
    """The schema is that of Grafana 13.2, published as @grafana/schema; no field is one that it does not know."""
    assert errors_of(board) == []
    assert {panel["type"] for panel in board["panels"]} == {"row", "stat", "timeseries"}
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda b: b.update(style="dark"), "'style' was unexpected"),
        (lambda b: b.update(schemaVersion="36"), "'36' is not of type 'number'"),
        (lambda b: b["panels"][1].update(options=None), "None is not of type 'object'"),
        (lambda b: b["panels"][1]["gridPos"].pop("w"), "'w' is a required property"),
        (lambda b: b["panels"][2]["options"]["tooltip"].update(mode="all"), "'all' is not one of"),
        (lambda b: b["templating"]["list"][0].update(auto=False), "'auto' was unexpected"),
    ],
)
def test_the_schema_finds_a_broken_dashboard(board, damage, said):
    """What validates everything would prove nothing."""
    damage(board)
    assert any(said in error for error in errors_of(board))


def test_queries_are_what_grafanas_prometheus_source_reads(board):
    """Every field of a query is one of the data source's model, and survives the way in and out."""
    queries = [query for panel in board["panels"] for query in panel.get("targets", [])]
    assert queries
    for query in queries:
        assert json.loads(JSONEncoder().encode(Dataquery.from_json(query))) == query


@pytest.mark.parametrize("service", ["orders", "orders.api", "orders-" * 8 + "a", "orders-" * 8 + "b"])
def test_the_uid_is_one_that_grafana_takes_and_no_other_services(service):
    """Forty characters at most, no dots; what is shortened or changed stays apart from its neighbours."""
    uids = {name: dashboard(name, [])["uid"] for name in (service, f"{service}-too", service.replace(".", "-") + "x")}
    assert re.fullmatch(r"[a-zA-Z0-9_-]{1,40}", uids[service])
    assert len(set(uids.values())) == len(uids)


def test_panels_do_not_overlap_and_stay_on_the_grid(board):
    """Grafana's grid is 24 wide; two panels never share a place."""
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
