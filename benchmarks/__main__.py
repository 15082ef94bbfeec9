"""Run every benchmark and write `docs/benchmarks.md`: each bound with whether it holds, losing rows included, and ratios; no times."""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "benchmarks.md"


def main() -> int:
    """Measure, write the page and return 2 if a subject could not be measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds of each")
    options = parser.parse_args()
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench`: bounds first, then what was measured. Compare ratios; the machine decides the rest.",
        "",
    ]
    failed = False
    for subject in sorted(path.parent.name for path in Path(__file__).parent.glob("*/__main__.py")):
        command = [sys.executable, "-m", f"benchmarks.{subject}", "--json", *(["--quick"] if options.quick else [])]
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode != 0:
            failed = True
            lines += [f"## {subject}", "", "could not be measured", ""]
            continue
        lines += page_of(json.loads(done.stdout))
    PAGE.write_text("\n".join(lines))
    print(PAGE.relative_to(ROOT))
    return 2 if failed else 0


def page_of(report: dict[str, Any]) -> list[str]:
    """Return the section of one subject."""
    versions = ", ".join(f"{name} {number}" for name, number in report["versions"].items())
    lines = [
        f"## {report['subject']}",
        "",
        f"{report['rounds']} rounds; {versions}",
        "",
        "| bound | value | wanted | holds |",
        "|---|---:|---:|---|",
    ]
    lines += [
        f"| {row['name']} | {row['value']} | {row['bound']} | {'yes' if row['holds'] else '**no**'} |"
        for row in report["wanted"]
    ]
    ratios = [(row.get("name", ""), text) for row in report["results"] if (text := shown(row))]
    if ratios:
        lines += ["", "| measured | |", "|---|---|", *(f"| {name} | {text} |" for name, text in ratios)]
    return [*lines, ""]


def shown(row: dict[str, Any]) -> str:
    """Return a row's ratios and counts; times belong to the machine and stay out of the docs."""
    counts = {"right", "wrong", "broken", "missed"}
    kept = {key: value for key, value in row.items() if key.startswith("times") or key in counts}
    return ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in kept.items())


if __name__ == "__main__":
    sys.exit(main())
