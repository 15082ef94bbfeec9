"""
Our rules beside those that sloth makes of the same objectives.

`tests/sloth` holds what sloth 0.12.0 was given and what it wrote. Both are recorded anew by a run with
`MAESTRO_SLOTH=$(scripts/sloth)`, which needs Go; read the difference that it makes.
"""

import os
import runpy
import subprocess
from pathlib import Path

import pytest
import yaml

from maestro_monitoring import SLO
from maestro_monitoring._artifacts import artifacts

SLOS = runpy.run_path(str(Path(__file__).with_name("slos.py")))["SLOS"]
RECORDED = Path(__file__).with_name("sloth")
SLOTH = os.environ.get("MAESTRO_SLOTH", "")

Rules = dict[tuple[str, str, str], dict]


def by_name(text: str) -> Rules:
    """Give the rules of a file by what is recorded or alerted, for which objective and which window or severity."""
    rules = [r for d in yaml.safe_load_all(text) if d for group in d["groups"] for r in group["rules"]]
    named: Rules = {}
    for rule in rules:
        labels = rule["labels"]
        of = labels.get("sloth_window") or labels.get("severity") or ""
        named[rule.get("record") or rule["alert"], labels.get("sloth_id", ""), of] = rule
    assert len(named) == len(rules)
    return named


def generated(slos: list[SLO]) -> tuple[Rules, Rules]:
    """Give our rules and sloth's for objectives of one period; sloth reads the specification that we write for it."""
    files = artifacts(slos, dashboards=False)
    period = f"{slos[0].window_days}d"
    given, written = RECORDED / f"{period}.spec.yml", RECORDED / f"{period}.rules.yml"
    if SLOTH:
        given.write_text(files["sloth.yml"])
        arguments = ["generate", f"--default-slo-period={period}", "-i", str(given), "-o", str(written)]
        subprocess.run([SLOTH, *arguments], check=True, capture_output=True, timeout=60)
    assert files["sloth.yml"] == given.read_text(), "sloth was asked something else: record anew, see above"
    return by_name(files["rules/slo.rules.yml"]), by_name(written.read_text())


@pytest.mark.parametrize("days", [28, 30])
def test_every_rule_is_the_one_that_sloth_writes(canonical, days):
    """The same series and alerts, the same labels to match, the same expressions but for how they are written."""
    ours, theirs = generated([slo for slo in SLOS if slo.window_days == days])
    assert ours.keys() == theirs.keys()
    for name, rule in ours.items():
        # All our labels on both sides are equal anyway, so there is nothing to ignore.
        expected = canonical(theirs[name]["expr"]).replace(" / ignoring (sloth_window) ", " / ")
        assert canonical(rule["expr"]) == expected, name
        same = {"sloth_id", "sloth_service", "sloth_slo", "sloth_window", "sloth_objective", "severity"}
        assert {k: v for k, v in rule["labels"].items() if k in same} == {
            k: v for k, v in theirs[name]["labels"].items() if k in same
        }, name
