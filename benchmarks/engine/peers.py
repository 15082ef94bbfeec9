"""The same rewrite, `logging.getLogger` to `maestro_core_logging.get_logger`, by the peers, each as its documentation would do it."""

import ast
import subprocess
import warnings
from collections.abc import Sequence
from pathlib import Path

import libcst
from libcst.codemod import CodemodContext, VisitorBasedCodemodCommand
from libcst.codemod.visitors import AddImportsVisitor, RemoveImportsVisitor
from libcst.metadata import QualifiedNameProvider
from pyupgrade._main import Settings, _fix_plugins, _fix_tokens

__all__ = ["ast_grep_tree", "bare_parse", "libcst_rewrite", "pyupgrade_text"]

HOME, NAME = "maestro_core_logging", "get_logger"
PATTERN = ("--pattern", "logging.getLogger($$$ARGS)", "--rewrite", f"{NAME}($$$ARGS)", "--lang", "python")


class GetLogger(VisitorBasedCodemodCommand):
    """A LibCST codemod by qualified name, with its own import visitors."""

    METADATA_DEPENDENCIES = (QualifiedNameProvider,)

    def leave_Call(  # noqa: N802  # LibCST calls it by this name
        self, original_node: libcst.Call, updated_node: libcst.Call
    ) -> libcst.Call:
        """Rename the called function where LibCST says it may be `logging.getLogger`."""
        names = {name.name for name in self.get_metadata(QualifiedNameProvider, original_node.func, set())}
        if "logging.getLogger" not in names:
            return updated_node
        AddImportsVisitor.add_needed_import(self.context, HOME, NAME)
        RemoveImportsVisitor.remove_unused_import(self.context, "logging")
        RemoveImportsVisitor.remove_unused_import(self.context, "logging", "getLogger")
        return updated_node.with_changes(func=libcst.Name(NAME))


def libcst_rewrite(raw: bytes) -> bytes:
    """Return what the codemod makes of a file."""
    return GetLogger(CodemodContext()).transform_module(libcst.parse_module(raw)).bytes


def pyupgrade_text(raw: bytes) -> str:
    """Run pyupgrade's two passes over a file."""
    text = _fix_plugins(raw.decode(), settings=Settings(min_version=(3, 11)))
    return _fix_tokens(text)


def bare_parse(raw: bytes) -> ast.Module:
    """Parse a file and do nothing else."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(raw)


def ast_grep_tree(folder: Path, paths: Sequence[str], *, write: bool) -> None:
    """Rewrite files by syntax; where it changed one, import the new name below the docstring, which ast-grep does not do."""
    before = {path: (folder / path).read_bytes() for path in paths} if write else {}
    for start in range(0, len(paths), 2000):
        part = [str(folder / path) for path in paths[start : start + 2000]]
        mode = ["--update-all"] if write else ["--json=stream"]
        subprocess.run(
            ["ast-grep", "run", *PATTERN, *mode, *part],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
    for path, old in before.items():
        new = (folder / path).read_bytes()
        if new != old:
            (folder / path).write_bytes(_with_import(new))


def _with_import(raw: bytes) -> bytes:
    line = f"from {HOME} import {NAME}\n".encode()
    try:
        body = bare_parse(raw).body
    except SyntaxError:
        return line + raw
    first = body[0] if body else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        lines = raw.splitlines(keepends=True)
        return b"".join([*lines[: first.end_lineno], line, *lines[first.end_lineno :]])
    return line + raw
