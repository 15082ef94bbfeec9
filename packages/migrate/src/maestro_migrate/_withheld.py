"""
What a verification left out is remembered, so that the next run leaves it out, too, instead of trying it again.

A change that broke a test is left out as long as its file has the bytes that it had then, a recipe whose library cannot be installed beside
the service's pins as long as the manifests do. An index that was not reached is asked again. `maestro migrate rollback` forgets all of a service's.
"""

import json
from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path

from ._libraries import tells_of_no_index
from ._spans import Finding
from .manifests import find_manifests
from .transaction import report_folder

__all__ = [
    "forget_withheld",
    "pairs_withheld",
    "remember_withheld",
    "remembered_withheld",
    "unresolvable",
    "withheld",
]

_REASON = "withheld: "
_UNRESOLVABLE = "unresolvable: "


def withheld(recipe: str, path: str, because: str) -> Finding:
    """Return the finding that says why a recipe's changes to a file were left out."""
    return Finding(
        path,
        1,
        recipe,
        f"{_REASON}{because}",
        "see why in failing-tests.log beside the report, mend by hand, take the migration back and run it again",
        "warning",
    )


def unresolvable(recipe: str, because: str) -> Finding:
    """Return the finding that says why a recipe's library cannot be installed."""
    advice = "make that index reachable or leave it out" if tells_of_no_index(because) else "raise the pin"
    return Finding(".", 1, recipe, f"{_UNRESOLVABLE}{because}", f"{advice}, then run the migration again", "warning")


def pairs_withheld(findings: Iterable[Finding]) -> frozenset[tuple[str, str]]:
    """Return the recipe and the file of each finding that says that a change was left out."""
    return frozenset((each.recipe, each.path) for each in findings if each.reason.startswith(_REASON))


def remember_withheld(root: Path, findings: Iterable[Finding]) -> None:
    """Write down what was left out of the service in `root`, with the bytes that its files have now."""
    rows = [
        {"recipe": each.recipe, "path": each.path, "reason": each.reason, "digest": digest}
        for each in findings
        if each.reason.startswith((_REASON, _UNRESOLVABLE))
        and not tells_of_no_index(each.reason)
        and (digest := _digest(root, each.path))
    ]
    if rows:
        memory = _memory(root)
        memory.parent.mkdir(parents=True, exist_ok=True)
        memory.write_text(json.dumps(rows, indent=1))
    else:
        forget_withheld(root)


def remembered_withheld(root: Path) -> list[Finding]:
    """Return the findings of what an earlier run left out, as far as the files are still what they were."""
    try:
        rows = json.loads(_memory(root).read_text())
        return [
            _finding(row["recipe"], row["path"], row["reason"])
            for row in rows
            if _digest(root, row["path"]) == row["digest"]
        ]
    except (OSError, ValueError, KeyError, TypeError):
        return []  # a memory that cannot be read is none: the changes are tried again


def forget_withheld(root: Path) -> None:
    """Forget what was left out, so that the next run tries it again."""
    _memory(root).unlink(missing_ok=True)


def _memory(root: Path) -> Path:
    return report_folder(root) / "withheld.json"


def _finding(recipe: str, path: str, reason: str) -> Finding:
    because = reason.partition(": ")[2]
    return unresolvable(recipe, because) if path == "." else withheld(recipe, path, because)


def _digest(root: Path, path: str) -> str:
    """Return a digest of a file, or of all manifests for the service itself; empty where there is none."""
    paths = [manifest.path for manifest in find_manifests(root)] if path == "." else [path]
    try:
        return blake2b(b"\0".join((root / each).read_bytes() for each in sorted(paths)), digest_size=16).hexdigest()
    except OSError:
        return ""
