"""Each form of the report says what the plain data says, in a shape its readers accept."""

import dataclasses
import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from maestro_migrate._plan import FileWrite, UnparsedFile
from maestro_migrate._spans import Finding, Safety
from maestro_migrate.report import (
    BeforeAfter,
    EditRow,
    Evidence,
    FileDiff,
    Files,
    Metric,
    NotMeasured,
    OutcomeCounts,
    Parity,
    Performance,
    RecipeSummary,
    Report,
    Security,
    SuiteRuns,
    checklist,
    duplicated_lines,
    loc,
    write_report,
)
from maestro_migrate.report._html import diff_lines
from maestro_migrate.report._markdown import as_markdown

# From the npm package @microsoft/jest-sarif 1.0.0-beta.0 (MIT), which carries OASIS' schema of SARIF 2.1.0 (rtm.5).
SARIF_SCHEMA = Path(__file__).with_name("sarif-2.1.0-rtm.5.json")
REPORT_SCHEMA = Path(__file__).parents[4] / "docs" / "report.schema.json"
EVIL = "<script>alert('x')</script> | `a` @team"


def full_report() -> Report:
    findings = (
        Finding("app/b.py", 9, "use-get-logger", EVIL, "rename the second binding"),
        Finding("app/a b.py", 0, "use-get-logger", "ambiguous binding", "keep one", "warning"),
        Finding("app/b.py", 12, "use-get-logger", EVIL, "rename the second binding"),
    )
    return Report(
        service="mail",
        engine_version="0.1.0",
        files=Files(12, 2, (UnparsedFile("old.py", "Python 2 print"),)),
        recipes={"use-get-logger": RecipeSummary(4, 4, 3, "Ask for loggers", "Long text.", "https://example.org/r")},
        edits=(EditRow("app/b.py", 2, "use-get-logger", Safety.SAFE, "one logger"),),
        findings=findings,
        diffs=(
            FileDiff.of(FileWrite("app/b.py", b"import logging\nx = 1\n", b"from shared import get_logger\nx = 1\n")),
            FileDiff.of(FileWrite("pyproject.toml", None, b"[project]\n", theme="dependencies")),
        ),
        tests=SuiteRuns(OutcomeCounts(10, 0, 0, 1), OutcomeCounts(12, 0, 0, 1)),
        parity=Parity(50, 50, 0, ("at",)),
        performance=Performance("interleaved pairs", (Metric("p99", 10.0, 9.5, "ms"),)),
        security=Security("bandit", 3, 2),
        duplication=BeforeAfter(120, 20),
        loc=BeforeAfter(900, 780),
        evidence={
            "backup": Evidence("migration 0001"),
            "training": Evidence("one maintainer, the author", applies=False),
        },
        timings={"plan": 0.5},
    )


def bare_report() -> Report:
    return Report(service="mail", engine_version="0.1.0", files=Files(0, 0), recipes={})


@pytest.mark.parametrize("report", [full_report(), bare_report()], ids=["full", "bare"])
def test_json_is_valid_against_the_published_schema(report: Report, tmp_path: Path) -> None:
    """The schema itself is valid, and so is a report with everything or with nothing measured."""
    schema = json.loads(REPORT_SCHEMA.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    written = json.loads(write_report(report, tmp_path)["json"].read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(written)


def test_what_was_not_measured_is_null_with_a_reason(tmp_path: Path) -> None:
    """No number is invented."""
    written = json.loads(write_report(bare_report(), tmp_path)["json"].read_text(encoding="utf-8"))
    assert written["parity"] == {"value": None, "reason": "requests were not compared"}
    assert written["tests"]["before"]["value"] is None


@pytest.mark.parametrize("report", [full_report(), bare_report()], ids=["full", "bare"])
def test_sarif_is_valid_against_the_standard(report: Report, tmp_path: Path) -> None:
    """SARIF 2.1.0, with relative addresses, and lines that start at one."""
    log = json.loads(write_report(report, tmp_path)["sarif"].read_text(encoding="utf-8"))
    jsonschema.Draft7Validator(json.loads(SARIF_SCHEMA.read_text(encoding="utf-8"))).validate(log)
    for result in log["runs"][0]["results"]:
        place = result["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uriBaseId"] == "%SRCROOT%"
        assert " " not in place["artifactLocation"]["uri"]
        assert place["region"]["startLine"] >= 1


def test_sarif_fingerprints_survive_a_move_and_tell_twins_apart(tmp_path: Path) -> None:
    """Lines above a finding may come and go; two equal findings in one file stay two."""

    def prints(report: Report) -> list[str]:
        log = json.loads(write_report(report, tmp_path)["sarif"].read_text(encoding="utf-8"))
        return [result["partialFingerprints"]["maestroFinding/v1"] for result in log["runs"][0]["results"]]

    report = full_report()
    moved = tuple(dataclasses.replace(finding, line=finding.line + 7) for finding in report.findings)
    assert prints(report) == prints(dataclasses.replace(report, findings=moved))
    assert len(set(prints(report))) == 3


class Outline(HTMLParser):
    """Collects what a reader's browser would fetch, and the headings."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.headings: list[int] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.fetched += [str(value) for name, value in attrs if name in {"src", "srcset", "data"}]
        if tag in {"h1", "h2", "h3"}:
            self.headings.append(int(tag[1]))


def test_html_is_one_file_that_fetches_and_runs_nothing(tmp_path: Path) -> None:
    """Text from the service is text; headings never skip a level; nothing is loaded."""
    text = write_report(full_report(), tmp_path)["html"].read_text(encoding="utf-8")
    outline = Outline()
    outline.feed(text)
    assert not {"script", "link", "img", "iframe"} & set(outline.tags)
    assert outline.fetched == []
    assert "url(" not in text
    assert "&lt;script&gt;" in text
    assert outline.headings[0] == 1
    assert all(after - before <= 1 for before, after in zip(outline.headings, outline.headings[1:], strict=False))
    for promised in (
        "ambiguous binding",
        "rename the second binding",
        "Python 2 print",
        "one logger",
        "migration 0001",
    ):
        assert promised in text


def test_a_page_address_that_is_no_web_address_is_no_link(tmp_path: Path) -> None:
    """A `javascript:` address never becomes a link."""
    bad = {"r": RecipeSummary(1, 0, 0, help_uri="javascript:alert(1)")}
    text = write_report(dataclasses.replace(bare_report(), recipes=bad), tmp_path)["html"].read_text(encoding="utf-8")
    assert "javascript:" not in text


def test_diffs_carry_the_numbers_of_both_sides() -> None:
    """A form feed inside a line breaks no line; unchanged stretches are one gap."""
    before = "a\x0cb\n" + "".join(f"x{n}\n" for n in range(20))
    lines = diff_lines(FileDiff("f.py", before, before.replace("x10\n", "y\nz\n")))
    assert [(line.kind, line.old, line.new) for line in lines if line.kind in {"add", "del"}] == [
        ("del", 12, None),
        ("add", None, 12),
        ("add", None, 13),
    ]
    assert lines[0].kind == "gap"
    assert len(lines) == 10


def test_markdown_stays_within_a_pull_requests_limit() -> None:
    """What does not fit is counted, and the reader is told where it is."""
    many = tuple(EditRow(f"app/{n}.py", n, "r", Safety.SAFE, "because " * 20) for n in range(2000))
    text = as_markdown(dataclasses.replace(full_report(), edits=many))
    assert len(text) <= 65_000
    assert "more lines are left out here" in text
    whole = as_markdown(full_report())
    assert "left out" not in whole
    assert "<script>" not in whole
    assert "@team" not in whole


def test_writing_twice_gives_the_same_bytes_in_any_order(tmp_path: Path) -> None:
    """The order in which findings, edits and recipes arrive does not show."""
    report = full_report()
    turned = dataclasses.replace(
        report, findings=report.findings[::-1], edits=report.edits[::-1], diffs=report.diffs[::-1]
    )
    first = write_report(report, tmp_path / "one")
    second = write_report(turned, tmp_path / "two")
    assert {form: path.read_bytes() for form, path in first.items()} == {f: p.read_bytes() for f, p in second.items()}
    assert sorted(path.name for path in (tmp_path / "one").iterdir()) == [
        f"report.{f}" for f in ("html", "json", "md", "sarif")
    ]


def status(report: Report) -> dict[str, str]:
    return {item.key: item.status for item in checklist(report)}


def test_the_checklist_is_ticked_by_evidence_only() -> None:
    """Numbers and given evidence settle items; nothing else does."""
    settled = status(full_report())
    for key in ("backup", "dependencies", "code", "tests-run", "parity", "tests", "performance", "security"):
        assert settled[key] == "done", key
    assert settled["training"] == "not applicable"
    assert settled["dashboards"] == "open"
    bare = status(bare_report())
    assert bare.pop("code") == "not applicable"
    assert set(bare.values()) == {"open"}


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"tests": SuiteRuns(OutcomeCounts(2, 0, 0, 0), OutcomeCounts(1, 1, 0, 0))}, "tests"),
        ({"tests": SuiteRuns(OutcomeCounts(2, 0, 0, 0), OutcomeCounts(0, 0, 0, 0))}, "tests"),
        ({"tests": SuiteRuns(NotMeasured("no tests"), OutcomeCounts(2, 0, 0, 0))}, "tests-run"),
        ({"parity": Parity(0, 0, 0)}, "parity"),
        ({"parity": Parity(5, 4, 1)}, "parity"),
        ({"security": Security("bandit", 1, 1, ("B101",))}, "security"),
        ({"performance": Performance("pairs", (Metric("p99", 1, 2, "ms", worse=True),))}, "performance"),
    ],
)
def test_a_bad_or_empty_measurement_leaves_the_item_open(change: dict[str, Any], key: str) -> None:
    """No data is no pass, and evidence given by hand does not overrule a measurement."""
    report = dataclasses.replace(full_report(), **change, evidence={key: Evidence("trust me")})
    assert status(report)[key] == "open"


def test_duplication_counts_every_copy_and_ignores_layout() -> None:
    """Two equal blocks in two files count twice; comments, blanks, indentation and line ends do not matter."""
    block = [b"import logging", b"log = logging.getLogger()", b"h = H()", b"log.addHandler(h)", b"log.setLevel(10)"]
    one = b"\n".join([*block, b"alone = 1"])
    two = b"# note\r\n\r\n" + b"\r\n".join(b"    " + line for line in block)
    assert duplicated_lines({"a.py": one, "b.py": two}) == 10
    assert duplicated_lines({"a.py": one}) == 0
    assert loc({"a.py": one, "b.py": two}) == 11


def test_every_finding_is_in_every_form_and_notes_are_not_counted_as_left(tmp_path: Path) -> None:
    """Also those of no recipe that rewrote anything, and of no file; a note asks for nothing."""
    findings = (
        Finding(".", 1, "config/read", "unresolvable: pydantic<2 is in the way", "raise the pin", "warning"),
        Finding("uv.lock", 1, "dependencies/declare", "stale-lock: old", "run `uv lock`", "warning"),
        Finding("app/b.py", 3, "use-get-logger", "import-left: there for others", "remove it", "none"),
    )
    report = dataclasses.replace(full_report(), findings=findings)
    paths = write_report(report, tmp_path)
    page, text = paths["html"].read_text(), paths["md"].read_text()
    for wanted in ("pydantic&lt;2 is in the way", "stale-lock: old", "import-left: there for others"):
        assert wanted in page
        assert wanted in text
    assert "2 places were left to a person" in page
    assert "2 left to a person, 1 notes" in text
    assert text.index("stale-lock") < text.index("## Notes") < text.index("import-left")
    assert len(json.loads(paths["sarif"].read_text())["runs"][0]["results"]) == 3


def test_parity_of_safe_methods_only_says_so(tmp_path: Path) -> None:
    """A reader is not to think that orders were placed with both."""
    for only_safe in (True, False):
        report = dataclasses.replace(full_report(), parity=Parity(5, 5, 0, only_safe_methods=only_safe))
        paths = write_report(report, tmp_path)
        assert json.loads(paths["json"].read_text())["parity"]["only_safe_methods"] is only_safe
        for form in ("html", "md"):
            assert ("only GET, HEAD and OPTIONS were sent" in paths[form].read_text()) is only_safe


def test_sarif_results_point_at_a_rule_and_say_what_to_do(tmp_path: Path) -> None:
    """Code hosts show the message and the rule's help, and sort by level."""
    log = json.loads(write_report(full_report(), tmp_path)["sarif"].read_text(encoding="utf-8"))
    rules = log["runs"][0]["tool"]["driver"]["rules"]
    for result in log["runs"][0]["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert "What to do: " in result["message"]["text"]
        assert result["level"] in {"none", "note", "warning"}
    assert rules[0]["helpUri"] == "https://example.org/r"
