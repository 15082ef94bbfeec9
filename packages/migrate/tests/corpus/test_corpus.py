"""
Real code: the standard library with its tests, and what is installed beside us.

A sample that is the same on every machine with the same files runs in `make test`; `MAESTRO_CORPUS=whole` reads everything.
"""

import ast
import difflib
import hashlib
import io
import json
import os
import sysconfig
import tokenize
import warnings
from collections import Counter
from pathlib import Path

import pytest

from maestro_migrate._engine import Options, plan
from maestro_migrate._facts import facts_of
from maestro_migrate._files import walk_files
from maestro_migrate._project import Facts, Project
from maestro_migrate._recipe import all_recipes
from maestro_migrate._rounds import FileResult, rewrite_file
from maestro_migrate._scan import prefilter
from maestro_migrate._semantics import Module
from maestro_migrate._source import UnreadableSource, read_source

pytestmark = [pytest.mark.corpus, pytest.mark.slow, pytest.mark.timeout(1800)]  # a whole tree on a busy machine

WHOLE = os.environ.get("MAESTRO_CORPUS") == "whole"
SHARE = 1 if WHOLE else 6
ROOTS = {
    "standard library": Path(sysconfig.get_paths()["stdlib"]),
    "site-packages": Path(sysconfig.get_paths()["purelib"]),
}


def corpus(root: Path) -> list[str]:
    """Return the chosen files of a tree."""
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in {"__pycache__", "site-packages"})
        found += [
            f"{Path(folder).relative_to(root).as_posix()}/{name}".removeprefix("./")
            for name in sorted(names)
            if name.endswith(".py")
        ]
    return [
        path
        for path in found
        if int.from_bytes(hashlib.blake2b(path.encode(), digest_size=4).digest(), "big") % SHARE == 0
    ]


def scanned(raw: bytes, path: str) -> Project:
    """Return the project that a file makes up on its own."""
    try:
        module = Module(read_source(raw, path), Project({}, files=[path]))
        facts = facts_of(module, frozenset())
        for recipe in all_recipes():
            if recipe.scan is not None:
                module.recipe = recipe.id
                facts.recipes[recipe.id] = json.loads(json.dumps(recipe.scan(module)))
    except UnreadableSource as error:
        facts = Facts(unparsed=str(error))
    return Project(
        {path: facts}, deploy={"pyproject.toml": "[tool.black]\n"}
    )  # so that statements are joined and calls broken, too


def comments(raw: bytes) -> Counter[str]:
    """Return the comments of a file, each counted."""
    return Counter(
        token.string for token in tokenize.tokenize(io.BytesIO(raw).readline) if token.type == tokenize.COMMENT
    )


def untouched(before: bytes, after: bytes) -> list[str]:
    """Return the top-level statements that no edit touched and that are missing from the result all the same."""
    old, new = before.splitlines(), after.splitlines()  # of bytes, which end lines as Python does
    kept: set[int] = set()
    for block in difflib.SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks():
        kept.update(range(block.a + 1, block.a + block.size + 1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        left = Counter(ast.dump(node) for node in ast.parse(after).body)
        bodies = ast.parse(before).body
    return [ast.dump(node)[:200] for node in bodies if kept.issuperset(_lines(node)) and not left[ast.dump(node)]]


def _lines(node: ast.stmt) -> range:
    """Return the lines of a statement, with its decorators."""
    first = min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", ()))])
    return range(first, (node.end_lineno or node.lineno) + 1)


def problems_of(path: str, raw: bytes, result: FileResult) -> list[str]:
    """Return everything that is wrong with a result."""
    problems = [
        finding.reason
        for finding in result.findings
        if finding.recipe == "engine" or finding.reason.startswith("recipe-failed")
    ]
    if result.after is None:
        return problems
    if comments(raw) - comments(result.after):
        problems.append("lost a comment")
    problems += [f"damaged {each}" for each in untouched(raw, result.after)]
    again = rewrite_file(result.after, path, scanned(result.after, path), all_recipes(), unsafe=True)
    if again.after is not None:
        problems.append("a second run changes it again")
    return problems


@pytest.mark.parametrize("name", ROOTS)
def test_every_file_survives_every_recipe(name: str) -> None:
    """Nothing crashes; what is changed is Python, keeps its comments and all else, and rests."""
    root = ROOTS[name]
    recipes, wanted = all_recipes(), prefilter(all_recipes(), named=frozenset())
    problems: list[str] = []
    read = changed = 0
    for path in corpus(root):
        raw = (root / path).read_bytes()
        if not wanted.passes(raw):
            continue
        read += 1
        plain = path.replace("test", "tst")  # whatever a path says, the engine must cope with the code
        result = rewrite_file(raw, plain, scanned(raw, plain), recipes, unsafe=True)
        changed += result.after is not None
        problems += [f"{path}: {problem}" for problem in problems_of(plain, raw, result)]
    assert read > 20  # Debian ships its standard library without the tests
    assert changed > 5
    assert not problems, "\n".join(problems[:40])


def test_the_plan_is_the_same_for_any_number_of_workers() -> None:
    """One process or two, the writes and findings are the same, and only Python comes out."""
    root = ROOTS["site-packages"]
    chosen = set(corpus(root))
    paths = sorted(path for path in walk_files(root) if path in chosen)
    one, two = (plan(root, Options(all_recipes(), jobs=jobs), paths=paths) for jobs in (1, 2))
    assert (one.writes, one.findings, one.unparsed) == (two.writes, two.findings, two.unparsed)
    assert one.scanned == len(paths)
