"""Panels as a Grafana dashboard. The only module that knows Grafana's SDK (extra `grafana`)."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from ._panels import PanelSpec
from .errors import MissingExtraError

_COLUMNS = 2
_HEIGHT = 8
# What the SDK's model of Grafana 10 writes and the schema of Grafana 13 no longer has.
_NO_LONGER_OF_DASHBOARDS = ("style",)
_NOT_OF_DATASOURCE_VARIABLES = ("id", "auto", "auto_min", "auto_count")


def dashboard(service: str, specs: Sequence[PanelSpec]) -> dict[str, Any]:
    """Give the dashboard as Grafana imports it, with the data source and the time range to choose.

    Raises:
        MissingExtraError: grafana-foundation-sdk is not installed.
    """
    try:
        from grafana_foundation_sdk.builders import dashboard as build
        from grafana_foundation_sdk.cog.encoder import JSONEncoder
    except ImportError as absent:
        raise MissingExtraError("dashboards", "grafana") from absent
    board = (
        build.Dashboard(service)
        .uid(_uid(service))
        .tags(["maestro", service])
        .refresh("30s")
        .time("now-6h", "now")
        .with_variable(build.DatasourceVariable("datasource").label("Data source").type("prometheus"))
    )
    for row, of_row in groupby(specs, key=lambda spec: spec.row):
        board.with_row(build.Row(row))
        for spec in of_row:
            board.with_panel(_panel(spec))
    content: dict[str, Any] = json.loads(JSONEncoder().encode(board.build()))
    for number, panel in enumerate(content.setdefault("panels", []), start=1):
        panel["id"] = number
    return _without_leftovers(content)


def _uid(service: str) -> str:
    """Give what Grafana takes as a uid: at most forty letters, digits, hyphens and underscores, and no two the same."""
    plain = f"maestro-{service}"
    if re.fullmatch(r"[a-zA-Z0-9_-]{1,40}", plain):
        return plain
    digest = hashlib.sha256(service.encode()).hexdigest()[:8]
    return f"{re.sub(r'[^a-zA-Z0-9_-]', '-', plain)[:31]}-{digest}"


def _without_leftovers(content: dict[str, Any]) -> dict[str, Any]:
    for name in _NO_LONGER_OF_DASHBOARDS:
        content.pop(name, None)
    for variable in content["templating"]["list"]:
        for name in _NOT_OF_DATASOURCE_VARIABLES:
            variable.pop(name, None)
    return content


def _panel(spec: PanelSpec) -> Any:  # the SDK's builders have no common type that can be named
    from grafana_foundation_sdk.builders import common, prometheus, stat, timeseries
    from grafana_foundation_sdk.models.common import SortOrder, TooltipDisplayMode
    from grafana_foundation_sdk.models.dashboard import DataSourceRef

    panel: Any
    if spec.kind == "stat":
        panel = stat.Panel().reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    else:
        tooltip = common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING)
        panel = timeseries.Panel().tooltip(tooltip)
    source = DataSourceRef(type_val="prometheus", uid="${datasource}")
    panel.title(spec.title).unit(spec.unit).datasource(source).span(24 // _COLUMNS).height(_HEIGHT)
    if spec.description:
        panel.description(spec.description)
    for number, query in enumerate(spec.queries):
        target = prometheus.Dataquery().expr(query.expr).legend_format(query.legend).ref_id(chr(ord("A") + number))
        # Exemplars are drawn as dots that lead from a slow request to its trace.
        panel.with_target(target.exemplar(True) if "_bucket" in query.expr else target)
    return panel
