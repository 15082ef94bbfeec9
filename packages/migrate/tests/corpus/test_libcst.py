"""Our binder against LibCST's `QualifiedNameProvider`: every difference has a kind, and each kind says who is right."""

import ast
import sysconfig
from pathlib import Path

import pytest

from maestro_migrate._binder import lookup
from maestro_migrate._project import Project
from maestro_migrate._semantics import Module
from maestro_migrate._source import read_source

libcst = pytest.importorskip("libcst", reason="LibCST is in the bench dependency group: uv sync --group bench")
from libcst import metadata  # noqa: E402  # only where LibCST is installed

pytestmark = [pytest.mark.corpus]

SAMPLE = [
    "asyncio/base_subprocess.py", "asyncio/log.py", "concurrent/futures/_base.py", "contextlib.py", "dataclasses.py", "email/utils.py", "getpass.py", "gzip.py",
    "importlib/resources/_common.py", "json/encoder.py", "logging/config.py", "multiprocessing/util.py", "pprint.py", "shelve.py", "subprocess.py", "tempfile.py", "unittest/case.py", "uuid.py",
]  # fmt: skip

KINDS = {
    "rebound": (
        "import json\njson = 1\njson.dumps\n",
        "ours: the name may mean something else by then, LibCST unions what it was ever bound to",
    ),
    "guarded": (
        "try:\n    import json\nexcept ImportError:\n    json = None\njson.dumps\n",
        "ours: which one it is depends on the machine",
    ),
    "deleted": ("import json\ndel json\njson.dumps\n", "ours: the name is gone, LibCST does not see `del`"),
    "typing-only": (
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import json\njson.dumps\n",
        "ours: nothing is bound at run time",
    ),
    "starred": ("import json\nfrom nowhere import *\njson.dumps\n", "ours: the star may bring another `json`"),
    "except-as": (
        "import json\ntry:\n    pass\nexcept ValueError as json:\n    pass\njson.dumps\n",
        "ours: the clause binds and then deletes the name",
    ),
    "global": (
        "import json\ndef f():\n    global json\n    json = 1\njson.dumps\n",
        "ours: calling f changes what the name means",
    ),
}


def theirs(code: str) -> dict[tuple[int, int], set[str]]:
    """Return what LibCST says each name was imported as, by position."""
    wrapper = metadata.MetadataWrapper(libcst.parse_module(code))
    names = wrapper.resolve(metadata.QualifiedNameProvider)
    positions = wrapper.resolve(metadata.PositionProvider)
    found: dict[tuple[int, int], set[str]] = {}
    for node, qualified in names.items():
        if isinstance(node, libcst.Name):
            said = qualified() if callable(qualified) else qualified
            start = positions[node].start
            found[start.line, start.column] = {
                each.name for each in said if each.source is metadata.QualifiedNameSource.IMPORT
            }
    return found


def kind_of(module: Module, name: ast.Name, scope: object, ours: str | None, said: set[str]) -> str:
    """Return the kind of a difference, empty where there is none."""
    if ours in said or (ours is None and not said):
        return ""
    owner = lookup(name.id, scope)  # type: ignore[arg-type]  # a scope of the binder
    bindings = owner.bindings[name.id] if owner else []
    if ours is not None:
        relative = any(str(binding.target).startswith(".") for binding in bindings)
        return "relative" if relative else "unheard" if not said else "contradicted"
    if all(module.is_typing_only(binding.node) for binding in bindings if binding.target) and any(
        binding.target for binding in bindings
    ):
        return "typing-only"
    if len({(binding.kind, binding.target) for binding in bindings}) > 1:
        return "rebound"
    return "starred" if module.tables.stars else "unexplained"


def differences(code: str) -> list[tuple[str, int, str]]:
    """Return each difference as kind, line and name."""
    module = Module(read_source(code.encode(), "sample.py"), Project({}))
    said = theirs(code)
    found = []
    for name, uses in module.tables.uses.items():
        for use in uses:
            ours, _ = module.binding_target(name, use.scope)
            kind = kind_of(module, use.root, use.scope, ours, said.get((use.root.lineno, use.root.col_offset), set()))
            if kind:
                found.append((kind, use.root.lineno, name))
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_difference_is_one_where_we_refuse(kind: str) -> None:
    """LibCST names the import, we say unknown; the reason stands in the table."""
    code, why = KINDS[kind]
    assert why.startswith("ours")
    assert "json" in {name for _, _, name in differences(code)}
    module = Module(read_source(code.encode(), "sample.py"), Project({}))
    last = module.tables.uses["json"][-1]
    assert module.resolve(last.outer, last.scope) is None


@pytest.mark.parametrize("path", SAMPLE)
def test_real_code_shows_only_known_kinds(path: str) -> None:
    """On the standard library the two agree, but for the kinds of the table."""
    code = (Path(sysconfig.get_paths()["stdlib"]) / path).read_text(encoding="utf-8")
    # Relative imports: neither is wrong. Without its package a file's `.x` has no absolute name, and each shortens it in its own way.
    unknown = [difference for difference in differences(code) if difference[0] not in {*KINDS, "relative"}]
    assert not unknown
