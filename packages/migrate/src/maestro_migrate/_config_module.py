"""An old configuration module as a typed one: the same names with the same values, over one settings class in the same file."""

import ast
import tempfile
from dataclasses import replace
from pathlib import Path

from ._engine import plan
from ._plan import MigrationPlan
from ._project import Project
from ._recipe import select
from ._scan import Options
from ._semantics import Module
from ._source import Source, UnreadableSource, parse, read_source
from ._spans import Finding
from .errors import UnusableInput

__all__ = ["typed_module", "write_target"]

RECIPE = "config/read_settings_from_one_class"
_OLD = "old_config.py"
_ELSEWHERE = "migrate the service instead (`maestro migrate service`), which writes the class to a file of its own"


def typed_module(source: Path) -> tuple[bytes, list[Finding]]:
    """
    Return the bytes of the typed module, in the encoding and with the line breaks of the old one, and what had to stay, by the lines of the new one.

    Raises:
        UnusableInput: the file is missing, is not Python, reads no environment variable, or has names that the class needs.
    """
    if not source.is_file():
        raise UnusableInput(source, "is not a file", advice="give the path of the old configuration module")
    raw = source.read_bytes()
    try:
        old = read_source(raw, source.name)
        parse(old)
    except UnreadableSource as error:
        raise UnusableInput(source, str(error), advice="mend the file, or give another") from error
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / _OLD).write_bytes(raw)
        made = plan(root, Options(select([RECIPE]), jobs=1))
    written = {write.path: write.after or b"" for write in made.writes}
    module = written.pop(_OLD, None)
    if module is None or len(written) != 1:
        raise UnusableInput(source, _why_nothing(made), advice="see `maestro inventory` for what it does read")
    ((home, settings),) = written.items()
    _check_names(source, old, ast.parse(settings))
    text = _joined(source, read_source(module, _OLD), settings.decode(), home.removesuffix(".py"))
    left = [finding for finding in made.findings if finding.path == _OLD]
    return _encoded(source, old, text), [_moved(finding, module.decode(errors="replace"), text) for finding in left]


def write_target(target: Path, text: bytes, *, overwrite: bool) -> bool:
    """
    Write the typed module and return whether there was anything to write.

    Raises:
        UnusableInput: the target is a folder, or holds something else and may not be overwritten.
    """
    if target.is_dir():
        raise UnusableInput(target, "is a folder", advice="give the path of the file to write")
    if target.exists():
        if target.read_bytes() == text:
            return False
        if not overwrite:
            raise UnusableInput(target, "exists and holds something else", advice="give another, or say --overwrite")
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.part")
    try:
        partial.write_bytes(text)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return True


def _why_nothing(made: MigrationPlan) -> str:
    found = next((finding for finding in made.findings if finding.path == _OLD), None)
    left = f" (line {found.line}: {found.reason})" if found else ""
    return f"reads no environment variable that can be declared{left}"


def _check_names(source: Path, old: Source, settings: ast.Module) -> None:
    """Refuse a module that gives another meaning to a name which the class needs, since both will stand in one file."""
    module = Module(old, Project({}))
    if module.tables.stars:
        line = module.tables.stars[0][0].lineno
        raise UnusableInput(source, f"line {line}: `import *` may bring names that the class needs", advice=_ELSEWHERE)
    needed: dict[str, str | None] = {"Settings": None}
    for node in settings.body:
        if isinstance(node, ast.ImportFrom):
            needed |= {each.asname or each.name: f"{node.module}.{each.name}" for each in node.names}
    for name, target in sorted(needed.items()):
        for binding in module.tables.module.bindings.get(name, ()):
            if target is None or binding.target != target:
                line = getattr(binding.node, "lineno", 1)
                raise UnusableInput(
                    source, f"line {line}: `{name}` is bound, which the class needs for itself", advice=_ELSEWHERE
                )


def _joined(source: Path, module: Source, settings: str, home: str) -> str:
    """Put the class where the module imports it from, after the imports that follow, so that every name stands in one file."""
    tree = parse(module)
    brought = [
        node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == home and node.level == 0
    ]
    lines = "".join(module.text.decode().replace("\r\n", "\n").replace("\r", "\n")).split("\n")
    place = brought[0].lineno - 1 if brought else 0
    if len(brought) != 1 or brought[0] not in tree.body or lines[place] != ast.unparse(brought[0]):
        raise UnusableInput(source, "imports `os` inside functions or in the middle of a line", advice=_ELSEWHERE)
    alias = brought[0].names[0].asname or "settings"
    body = settings.split('"""\n\n', 1)[1].rstrip("\n")
    imports, _, definition = body.partition("\n\n\nclass ")
    definition = definition.replace("\nsettings = Settings()", f"\n{alias} = Settings()")
    last = brought[0].lineno
    for node in tree.body[tree.body.index(brought[0]) + 1 :]:
        if not isinstance(node, ast.Import | ast.ImportFrom):
            break
        last = node.end_lineno or node.lineno
    rest = "\n".join(lines[last:]).strip("\n")
    head = "\n".join([*lines[:place], imports, *lines[place + 1 : last]])
    return f"{head}\n\n\nclass {definition}\n\n{rest}\n" if rest else f"{head}\n\n\nclass {definition}\n"


def _encoded(source: Path, old: Source, text: str) -> bytes:
    try:
        made = old.encoded(text.replace("\n", old.newline).encode())
        parse(read_source(made, source.name))
    except UnreadableSource as error:
        raise UnusableInput(source, f"the result would not be Python: {error}", advice=_ELSEWHERE) from error
    return made


def _moved(finding: Finding, before: str, after: str) -> Finding:
    """Return a finding with the line on which the same code stands now."""
    lines = before.splitlines()[: finding.line]
    same = [number for number, line in enumerate(after.split("\n"), 1) if lines and line == lines[-1]]
    nth = lines.count(lines[-1]) if lines else 0
    return replace(finding, line=same[nth - 1]) if 0 < nth <= len(same) else finding
