"""The files that are generated from a service's SLOs and metrics, and whether they are still true."""

from __future__ import annotations

import difflib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from ._dashboards import dashboard
from ._panels import panels
from ._registry import registry_or_default
from ._rule_tests import rule_tests
from ._rules import distinct, rule_groups
from ._slo import SLO
from ._slo_formats import openslo_objects, pyrra_objects, sloth_spec
from .errors import MissingExtraError

RULES = "rules/slo.rules.yml"
RULE_TESTS = "rules/slo.tests.yml"
_HEADER = "# Written by `maestro monitoring generate`; change the SLOs in the code instead.\n"


def artifacts(
    slos: Sequence[SLO], *, registry: CollectorRegistry | None = None, dashboards: bool = True
) -> dict[str, str]:
    """Give the text of every generated file by its relative path; equal input gives equal bytes.

    Raises:
        SLOError: two SLOs have the same service and name.
        MissingExtraError: PyYAML or, for dashboards, Grafana's SDK is not installed.
    """
    registry = registry_or_default(registry)
    files = {
        RULES: _yaml([rule_groups(slos)]),
        RULE_TESTS: _yaml([rule_tests(slos, rules_file=Path(RULES).name)]),
        "sloth.yml": _yaml(sloth_spec(slos)),
        "pyrra.yml": _yaml(pyrra_objects(slos)),
        "openslo.yml": _yaml(openslo_objects(slos)),
    }
    if dashboards:
        for service in sorted({slo.service for slo in distinct(slos)}):
            specs = panels(service, slos=slos, registry=registry, **_where(slos, service))
            files[f"dashboards/{service}.json"] = json.dumps(dashboard(service, specs), indent=2, sort_keys=True) + "\n"
    return files


def drift(expected: dict[str, str], folder: Path) -> list[str]:
    """Give a unified diff for every file in `folder` that is not what it should be; nothing means no drift."""
    differences: list[str] = []
    for name, text in sorted(expected.items()):
        path = folder / name
        found = path.read_text(encoding="utf-8") if path.exists() else ""
        if found != text or not path.exists():
            lines = difflib.unified_diff(
                found.splitlines(), text.splitlines(), f"{name} (file)", f"{name} (code)", lineterm=""
            )
            differences.append("\n".join(lines))
    known = {folder / name for name in expected}
    generated = any(name.startswith("dashboards/") for name in expected)
    surplus = [path for path in sorted(folder.glob("dashboards/*.json")) if generated and path not in known]
    differences += [f"--- {path.relative_to(folder)}: no SLO of this service is declared any more" for path in surplus]
    return differences


def write(files: dict[str, str], folder: Path) -> list[Path]:
    """Write the files and give those that changed."""
    changed = []
    for name, text in sorted(files.items()):
        path = folder / name
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        changed.append(path)
    return changed


def _where(slos: Sequence[SLO], service: str) -> dict[str, str]:
    first = next(slo for slo in slos if slo.service == service)
    return {"namespace": first.namespace, "job": first.job}


def _yaml(documents: Sequence[Any]) -> str:
    try:
        import yaml
    except ImportError as absent:
        raise MissingExtraError("generated files", "cli") from absent

    class Dumper(yaml.SafeDumper):
        """Writes queries as blocks, since people review them."""

        def ignore_aliases(self, _data: Any) -> bool:  # Any: as the base class has it
            return True

    def text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)

    Dumper.add_representer(str, text)
    dumped: str = yaml.dump_all(documents, Dumper=Dumper, sort_keys=False, width=10_000, allow_unicode=True)
    return _HEADER + dumped
