"""Runs the driver in the service's environment, and finds the apps that it may drive."""

import ast
import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .._environment import Environment
from .._files import is_service_code, python_files
from .._project import import_names, is_test_path

__all__ = ["Drive", "candidates_in", "drive"]

MOST_REQUESTS = 80
TIMEOUT_S = 120
_FRAMEWORKS = re.compile(rb"\b(?:FastAPI|MaestroAPI|Flask|APIFlask|Quart|Starlette)\(")
_NAMED = re.compile(rb"(?i)\b(?:fastapi|flask|quart|starlette)\b")
_FACTORY = re.compile(r"(?:create|make|build|get|init)_?\w*(?:app|application|api|server)\w*|app_factory|application")
_USUAL = ("main", "app", "application", "asgi", "wsgi", "server", "api", "run", "__init__")

Candidate = tuple[str, str, bool]


@dataclass(frozen=True)
class Drive:
    """What one run of the driver gave, or the problem that kept it from giving anything."""

    outcome: Mapping[str, Any]
    problem: str | None = None


def candidates_in(tree: Path) -> list[Candidate]:
    """Return module, name and whether it is a factory of every app that the tree's own code seems to make, the likeliest first."""
    paths = [path for path in python_files(tree) if not is_test_path(path)]
    names = import_names(paths)
    found: list[tuple[tuple[int, int, int, str], Candidate]] = []
    for path in paths:
        raw = (tree / path).read_bytes()
        if (
            not (_NAMED.search(raw) or _FRAMEWORKS.search(raw) or b"app = " in raw)
            or not is_service_code(path, raw)
            or not names[path]
        ):
            continue
        try:
            body = ast.parse(raw).body
        except (SyntaxError, ValueError, RecursionError):
            continue
        stem = path.rpartition("/")[2].removesuffix(".py")
        rank = _USUAL.index(stem) if stem in _USUAL else len(_USUAL)
        found += [
            ((is_factory, rank, path.count("/"), path), (names[path][0], name, is_factory))
            for name, is_factory in _apps(body, raw)
        ]
    return [candidate for _, candidate in sorted(found)]


def _apps(body: Sequence[ast.stmt], raw: bytes) -> Iterator[tuple[str, bool]]:
    for node in body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Call):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            made = ast.unparse(node.value.func).rpartition(".")[2]
            known = made == "instrument" or _FRAMEWORKS.search(f"{made}(".encode()) or _FACTORY.fullmatch(made)
            if isinstance(target, ast.Name) and known:
                yield target.id, False
        elif (
            isinstance(node, ast.FunctionDef)
            and _FACTORY.fullmatch(node.name)
            and (_FRAMEWORKS.search(raw) or _NAMED.search(raw))
        ):
            arguments = node.args
            required = len(arguments.posonlyargs) + len(arguments.args) - len(arguments.defaults)
            if not required and None not in (arguments.kw_defaults or []):
                yield node.name, True


def drive(
    tree: Path,
    environment: Environment,
    *,
    env: Mapping[str, str],
    work: Path,
    candidates: Sequence[Candidate],
    cases: Sequence[Mapping[str, Any]] | None = None,
) -> Drive:
    """Load the first candidate that loads, and send it the cases; without cases, return those that would be sent."""
    scratch = work / "scratch"  # the only folder besides the tree that the driver lets the service write to
    scratch.mkdir(exist_ok=True)
    job, out = scratch / "drive-job.json", scratch / "drive-outcome.json"
    job.write_text(
        json.dumps({"tree": str(tree), "candidates": list(candidates), "cases": cases, "limit": MOST_REQUESTS})
    )
    out.unlink(missing_ok=True)
    path = os.pathsep.join(
        filter(None, (str(tree), str(tree / "src"), env.get("PYTHONPATH"), str(Path(__file__).parent)))
    )
    try:
        done = subprocess.run(
            [str(environment.python), "-m", "maestro_drive", str(job), str(out)],
            cwd=tree,
            env=environment.variables({**env, "PYTHONPATH": path, "TMPDIR": str(scratch)}),
            capture_output=True,
            timeout=TIMEOUT_S,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Drive({}, f"the app did not answer within {TIMEOUT_S} seconds")
    try:
        outcome = json.loads(out.read_text())
    except (OSError, ValueError):
        said = done.stderr.decode(errors="replace").strip().splitlines()
        return Drive(
            {}, f"the app's process ended with {done.returncode}: {said[-1][:300] if said else 'it said nothing'}"
        )
    return Drive(outcome, outcome.get("problem"))
