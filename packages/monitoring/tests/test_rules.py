"""Promises of the generated rules."""

import re
import runpy
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from maestro_monitoring import SLO, SLOError, setup_monitoring
from maestro_monitoring._artifacts import artifacts
from maestro_monitoring._rules import BURN_WINDOWS, error_ratio, rule_groups

SLOS = runpy.run_path(str(Path(__file__).with_name("slos.py")))["SLOS"]


@pytest.fixture
def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        pytest.fail("promtool is missing: run `scripts/services up prometheus` as root, or apt-get install prometheus")
    return found


def run(promtool: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([promtool, *arguments], cwd=folder, capture_output=True, text=True, check=False, timeout=120)


def written(folder: Path, slos=SLOS) -> Path:
    for name, text in artifacts(slos, dashboards=False).items():
        if name.startswith("rules/"):
            (folder / Path(name).name).write_text(text)
    return folder


@pytest.mark.service
def test_prometheus_accepts_the_rules(promtool, tmp_path):
    """`promtool check rules` finds neither errors nor lint."""
    checked = run(promtool, written(tmp_path), "check", "rules", "slo.rules.yml")
    assert checked.returncode == 0, checked.stderr
    assert "FAILED" not in checked.stderr
    assert f"SUCCESS: {17 * len(SLOS)} rules found" in checked.stdout


@pytest.mark.service
def test_the_alerts_fire_when_they_should_and_only_then(promtool, tmp_path):
    """The generated unit tests pass: quiet, within budget, slow burn, fast burn, recovery."""
    tested = run(promtool, written(tmp_path), "test", "rules", "slo.tests.yml")
    assert tested.returncode == 0, tested.stdout + tested.stderr


@pytest.mark.service
@pytest.mark.parametrize(
    ("good", "broken"), [("14.4 * 0.001", "0.1 * 0.001"), ("6 * 0.001", "600 * 0.001"), ('"5.."', '"2.."')]
)
def test_the_generated_tests_catch_a_wrong_rule(promtool, tmp_path, good, broken):
    """A rule edited by hand fails the tests that were generated with it."""
    rules = written(tmp_path, SLOS[:1]) / "slo.rules.yml"
    assert good in rules.read_text()
    text = rules.read_text().replace(good, broken)
    if good.startswith("14.4"):
        text = text.replace("> (6 * 0.001)", "> (0.1 * 0.001)")
    rules.write_text(text)
    tested = run(promtool, tmp_path, "test", "rules", "slo.tests.yml")
    assert tested.returncode == 1
    assert "OrdersAvailabilityErrorBudgetBurn" in tested.stdout + tested.stderr


def test_the_burn_rates_are_those_of_the_sre_workbook():
    """Chapter 5, table 5-8, and the same scaled to 28 days as sloth scales them."""
    table = [(b.severity, b.short, b.long, b.factor(30), b.factor(28)) for b in BURN_WINDOWS]
    assert table == [
        ("page", "5m", "1h", 14.4, 13.44),
        ("page", "30m", "6h", 6, 5.6),
        ("ticket", "2h", "1d", 3, 2.8),
        ("ticket", "6h", "3d", 1, pytest.approx(14 / 15)),
    ]


@pytest.mark.parametrize(
    ("slo", "severity", "pairs"),
    [
        (SLOS[0], "page", [("5m", "1h", "0.0144"), ("30m", "6h", "0.006")]),
        (SLOS[0], "ticket", [("2h", "1d", "0.003"), ("6h", "3d", "0.001")]),
        (SLOS[1], "page", [("5m", "1h", "0.672"), ("30m", "6h", "0.28")]),
        (SLOS[1], "ticket", [("2h", "1d", "0.14"), ("6h", "3d", "0.0466666667")]),
    ],
)
def test_the_alerts_are_those_that_sloth_writes(canonical, slo, severity, pairs):
    """Series, windows, thresholds and form were compared with sloth itself (test_sloth.py does it again)."""
    (rule,) = [r for r in rule_groups([slo])["groups"][2]["rules"] if r["labels"]["severity"] == severity]
    name = f'sloth_id="{slo.id}",sloth_service="{slo.service}",sloth_slo="{slo.name}"'

    def side(window: str, limit: str) -> str:
        return f"max without (sloth_window) (slo:sli_error:ratio_rate{window}{{{name}}} > {limit})"

    expected = " or ".join(f"({side(short, limit)} and {side(long, limit)})" for short, long, limit in pairs)
    assert canonical(rule["expr"]) == expected


def test_the_same_slo_twice_is_one_and_two_of_one_name_are_refused():
    """An app factory that declares an SLO twice does no harm; a clash is an error."""
    assert rule_groups([SLOS[0], SLOS[0]]) == rule_groups([SLOS[0]])
    with pytest.raises(SLOError, match="rename one"):
        rule_groups([SLOS[0], SLO(name="availability", service="orders", objective=99)])


def test_alerts_carry_team_and_runbook():
    """Whoever is called finds the runbook in the alert."""
    page, ticket = rule_groups(SLOS[:1])["groups"][2]["rules"]
    assert page["labels"] == {"severity": "page", "team": "shop"}
    assert ticket["labels"]["severity"] == "ticket"
    assert page["annotations"]["runbook_url"] == "https://runbooks.example/orders"


@pytest.mark.service
def test_texts_stay_what_was_written(promtool, tmp_path):
    """Quotes, line ends and braces, which Prometheus would take for a template, arrive in the alert as they are."""
    slo = SLO(
        name="odd",
        service="orders",
        objective=99.9,
        team='t"\n- {{y}}',
        runbook="https://runbooks.example/?q={{$labels.x}}&{{{c}}}",
        description='two\nlines: "{{ $value }}" é',
    )
    folder = written(tmp_path, [slo])
    checked = run(promtool, folder, "check", "rules", "slo.rules.yml")
    assert "FAILED" not in checked.stderr
    tested = run(promtool, folder, "test", "rules", "slo.tests.yml")
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_labels_are_escaped():
    """A route with a quote selects that route and nothing else."""
    assert r'route="/odd\"path\\"' in error_ratio(SLOS[2], "5m")


def test_the_formats_of_other_tools_name_every_slo():
    """sloth, pyrra and OpenSLO get the same objectives from the same source."""
    files = artifacts(SLOS, dashboards=False)
    sloth = list(yaml.safe_load_all(files["sloth.yml"]))
    assert {(d["service"], s["name"], s["objective"]) for d in sloth for s in d["slos"]} == {
        (s.service, s.name, s.objective) for s in SLOS
    }
    assert "[{{.window}}]" in sloth[0]["slos"][0]["sli"]["raw"]["error_ratio_query"]
    pyrra = list(yaml.safe_load_all(files["pyrra.yml"]))
    assert {d["metadata"]["name"]: d["spec"]["target"] for d in pyrra} == {s.id: f"{s.objective:g}" for s in SLOS}
    latency = next(d for d in pyrra if d["metadata"]["name"] == "orders-checkout-speed")["spec"]["indicator"]["latency"]
    assert 'le="0.3"' in latency["success"]["metric"]
    openslo = list(yaml.safe_load_all(files["openslo.yml"]))
    assert [d["spec"]["objectives"][0]["target"] for d in openslo] == [0.999, 0.85, 0.95, 0.9999]


def test_every_format_selects_the_bucket_that_is_exposed(registry):
    """An objective of one second written as `1` counts by `le="1.0"` everywhere, which is how the client writes it."""
    slo = SLO(name="speed", service="orders", objective=95, latency_s=1)
    setup_monitoring("orders", slos=[slo], registry=registry).requests.observe(
        method="GET", route="/", status=200, duration_s=0.5
    )
    bounds = {
        s.labels["le"] for m in registry.collect() for s in m.samples if s.name.endswith("duration_seconds_bucket")
    }
    assert "1.0" in bounds
    files = artifacts([slo], registry=registry, dashboards=False)
    for name in ("rules/slo.rules.yml", "sloth.yml", "pyrra.yml", "openslo.yml"):
        assert set(re.findall(r'le="([^"]*)"', files[name])) == {"1.0"}, name
