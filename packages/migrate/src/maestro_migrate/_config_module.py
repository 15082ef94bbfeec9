"""An old configuration module as a typed one: the same names with the same values, over one settings class in the same file."""

import tempfile
from pathlib import Path

from ._engine import Options, plan
from ._recipe import select
from ._source import UnreadableSource, parse, read_source
from ._spans import Finding
from .errors import UnusableInput

__all__ = ["typed_module"]

RECIPE = "config/read_settings_from_one_class"


def typed_module(source: Path) -> tuple[bytes, list[Finding]]:
    """
    Return the text of the typed module and what had to stay as it was.

    Raises:
        UnusableInput: the file is missing, is not Python, or reads no environment variable.
    """
    if not source.is_file():
        raise UnusableInput(source, "is not a file", advice="give the path of the old configuration module")
    raw = source.read_bytes()
    try:
        parse(read_source(raw, source.name))
    except UnreadableSource as error:
        raise UnusableInput(source, str(error), advice="mend the file, or give another") from error
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "old_config.py").write_bytes(raw)
        made = plan(root, Options(select([RECIPE]), jobs=1))
    written = {write.path: write.after for write in made.writes}
    module, settings = written.get("old_config.py"), written.get("settings.py")
    if module is None or settings is None:
        raise UnusableInput(
            source,
            "reads no environment variable that can be declared",
            advice="see `maestro inventory` for what it does read",
        )
    return _joined(module.decode(), settings.decode()), [
        finding for finding in made.findings if finding.path == "old_config.py"
    ]


def _joined(module: str, settings: str) -> bytes:
    """Put the class where the module imported it from, so that every name stands in one file."""
    body = settings.split('"""\n\n', 1)[1].rstrip("\n")
    imports, _, definition = body.partition("\n\n\nclass ")
    line = next(line for line in module.splitlines() if line.startswith("from settings import settings"))
    alias = line.rpartition(" as ")[2] if " as " in line else "settings"
    if alias != "settings":
        definition = definition.replace("\nsettings = Settings()", f"\n{alias} = Settings()")
    before, after = module.split(line + "\n", 1)
    head, rest = _after_imports(after)
    return f"{before}{imports}\n{head}\n\nclass {definition}\n{rest}".encode()


def _after_imports(text: str) -> tuple[str, str]:
    """Split what follows the settings import into the imports that remain and the code."""
    import ast

    tree = ast.parse(text)
    last = 0
    for node in tree.body:
        if not isinstance(node, ast.Import | ast.ImportFrom):
            break
        last = node.end_lineno or node.lineno
    lines = text.splitlines(keepends=True)
    return "".join(lines[:last]), "".join(lines[last:])
