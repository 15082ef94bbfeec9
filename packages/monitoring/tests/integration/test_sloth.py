"""Our rules beside those that sloth makes of the same objectives.

No registry that this project installs from has sloth, so these tests run where somebody has it:
`MAESTRO_SLOTH=/path/to/sloth`. What they found is kept without it by `test_rules.py`.
"""

import os
import runpy
import subprocess
from pathlib import Path

import pytest
import yaml

from maestro_monitoring import SLO
from maestro_monitoring._artifacts import artifacts

SLOS = runpy.run_path(str(Path(__file__).resolve().parents[1] / "slos.py"))["SLOS"]
SLOTH = os.environ.get("MAESTRO_SLOTH", "")

pytestmark = pytest.mark.skipif(not SLOTH, reason="MAESTRO_SLOTH names no sloth; no registry used here has one")

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


def generated(slos: list[SLO], folder: Path) -> tuple[Rules, Rules]:
    """Give our rules and sloth's for objectives of one period; sloth reads the specification that we write for it."""
    files = artifacts(slos, dashboards=False)
    (folder / "sloth.yml").write_text(files["sloth.yml"])
    arguments = ["generate", f"--default-slo-period={slos[0].window_days}d", "-i", "sloth.yml", "-o", "theirs.yml"]
    subprocess.run([SLOTH, *arguments], cwd=folder, check=True, capture_output=True, timeout=60)
    return by_name(files["rules/slo.rules.yml"]), by_name((folder / "theirs.yml").read_text())


@pytest.mark.parametrize("days", [28, 30])
def test_every_rule_is_the_one_that_sloth_writes(tmp_path, canonical, days):
    """The same series and alerts, the same labels to match, the same expressions but for how they are written."""
    ours, theirs = generated([slo for slo in SLOS if slo.window_days == days], tmp_path)
    assert ours.keys() == theirs.keys()
    for name, rule in ours.items():
        # All our labels on both sides are equal anyway, so there is nothing to ignore.
        expected = canonical(theirs[name]["expr"]).replace(" / ignoring (sloth_window) ", " / ")
        assert canonical(rule["expr"]) == expected, name
        same = {"sloth_id", "sloth_service", "sloth_slo", "sloth_window", "sloth_objective", "severity"}
        assert {k: v for k, v in rule["labels"].items() if k in same} == {
            k: v for k, v in theirs[name]["labels"].items() if k in same
        }, name
