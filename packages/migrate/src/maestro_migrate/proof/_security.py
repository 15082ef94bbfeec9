"""
A security scan of the changed files, before and after, by bandit: the extra `maestro-migrate[security]` brings it.

Bandit judges text, so that a default which moves from one file to another looks new in its new place. What counts as new is therefore a
*kind* of finding of which there are more after than before, over all changed files together.
"""

import configparser
import importlib.util
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from .._files import is_service_code
from .._plan import FileWrite
from .._spans import Finding
from ..manifests import NotEditable, read_table
from ..report import NotMeasured, Security

__all__ = ["SecurityScan", "scan_security"]

RECIPE = "verify/security"
TIMEOUT_S = 300.0
_SHOWN = 50


class SecurityScan(NamedTuple):
    """The scan for the report, and a finding for each issue that is new."""

    security: Security | NotMeasured
    findings: tuple[Finding, ...] = ()


class _Issue(NamedTuple):
    test: str
    path: str
    line: int
    text: str
    code: str


def scan_security(root: Path, writes: Sequence[FileWrite]) -> SecurityScan:
    """Return what bandit says about the changed Python files of the service in `root`, against what it said about them before."""
    if importlib.util.find_spec("bandit") is None:
        return _unmeasured("bandit is not installed here: pip install 'maestro-migrate[security]'")
    code = [each for each in writes if each.path.endswith(".py") and is_service_code(each.path, each.after or b"")]
    if not code:
        return _unmeasured("no Python file of the service changed")
    choice = _choice_of_tests(root)
    before = _issues({each.path: each.before for each in code if each.before is not None}, choice)
    after = _issues({each.path: each.after for each in code if each.after is not None}, choice)
    if isinstance(before, str) or isinstance(after, str):
        return _unmeasured(next(side for side in (before, after) if isinstance(side, str)))
    new = _new(before, after)
    shown = tuple(f"{each.test} {each.path}:{each.line} {each.text}" for each in new[:_SHOWN])
    tool = f"bandit {version('bandit')} on {len(code)} changed files"
    return SecurityScan(Security(tool, len(before), len(after), shown), tuple(map(_finding, new)))


def _unmeasured(reason: str) -> SecurityScan:
    return SecurityScan(NotMeasured(reason))


def _finding(issue: _Issue) -> Finding:
    return Finding(
        issue.path,
        issue.line,
        RECIPE,
        f"bandit's {issue.test} is found more often than before: {issue.text}",
        "look at the line; where it is meant, mark it with `# nosec` and the reason",
        "warning",
    )


def _new(before: Sequence[_Issue], after: Sequence[_Issue]) -> list[_Issue]:
    """Return the issues of each kind beyond the number that there was, those on lines that nobody has seen before first."""
    room = Counter(each.test for each in before)
    seen = {(each.test, each.code) for each in before}
    found = []
    for issue in sorted(after, key=lambda each: ((each.test, each.code) not in seen, each)):
        if room[issue.test] > 0:
            room[issue.test] -= 1
        else:
            found.append(issue)
    return sorted(found)


def _issues(sources: Mapping[str, bytes], choice: Sequence[str]) -> list[_Issue] | str:
    """Return bandit's issues, or why there are none to tell."""
    with tempfile.TemporaryDirectory(prefix="maestro-bandit-") as name:
        folder = Path(name).resolve()
        for path, raw in sources.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(raw)
        # -I: a module of the service that is named like one of bandit's must not be imported instead.
        command = [sys.executable, "-I", "-m", "bandit", "-r", str(folder), "-f", "json", "-q", "--exit-zero", *choice]
        try:
            done = subprocess.run(
                command,
                cwd=folder,
                capture_output=True,
                timeout=TIMEOUT_S,
                stdin=subprocess.DEVNULL,
                check=False,
            )
            found: dict[str, Any] = json.loads(done.stdout)
        except subprocess.TimeoutExpired:
            return f"bandit did not end within {TIMEOUT_S:.0f} seconds"
        except ValueError:
            said = " ".join(done.stderr.decode(errors="replace").split())[-200:]
            return f"bandit failed with exit code {done.returncode}: {said or 'it printed nothing'}"
        return [_issue(each, folder) for each in found["results"]]


def _issue(row: Mapping[str, Any], folder: Path) -> _Issue:
    lines = [line.partition(" ")[2].strip() for line in str(row["code"]).splitlines()]
    path = Path(row["filename"]).relative_to(folder).as_posix()
    return _Issue(row["test_id"], path, row["line_number"], row["issue_text"], "\n".join(lines))


def _choice_of_tests(root: Path) -> list[str]:
    """
    Return the options that say which of bandit's tests the service runs, from `.bandit` and `pyproject.toml`.

    The files themselves are not given to bandit: they may also name a file that it would write.
    """
    chosen: dict[str, list[str]] = {"tests": [], "skips": []}
    legacy = configparser.ConfigParser(interpolation=None)
    try:
        legacy.read(root / ".bandit")
        table = read_table(root / "pyproject.toml").get("tool", {}).get("bandit", {})
    except (OSError, ValueError, configparser.Error, NotEditable):
        table = {}
    for key, into in chosen.items():
        named = legacy.get("bandit", key, fallback="").split(",") + list(table.get(key, []))
        into += [name.strip() for name in named if str(name).strip().isalnum()]
    return [
        part
        for key, flag in (("tests", "-t"), ("skips", "-s"))
        if chosen[key]
        for part in (flag, ",".join(chosen[key]))
    ]
