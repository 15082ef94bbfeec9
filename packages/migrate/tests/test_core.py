"""The engine's parts one by one: sources, names, projects, imports, patterns, files and the cache."""

from pathlib import Path

import pytest

from maestro_migrate._binder import bind, lookup
from maestro_migrate._cache import ResultCache, digest
from maestro_migrate._engine import Options, plan
from maestro_migrate._files import is_service_code, python_files, require_folder
from maestro_migrate._patterns import Pattern, PatternError, rewrite
from maestro_migrate._project import Facts, Project, import_names, swapped_modules
from maestro_migrate._recipe import Recipe, select
from maestro_migrate._rounds import rewrite_file
from maestro_migrate._semantics import Module
from maestro_migrate._source import UnreadableSource, parse, read_source
from maestro_migrate.errors import UnusableInput


def module(code: str, facts: dict[str, Facts] | None = None, path: str = "mod.py") -> Module:
    """Parse a file of a project."""
    return Module(read_source(code.encode(), path), Project(facts or {}, files=[path]))


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"a\0b", "NUL"),
        (b"\xff", "encoding"),
        (b"x = 1\n" * 3 + b"\xff", "not valid utf-8"),
        (b"# coding: nonsense\n", "encoding"),
        (b"# coding: rot13\n", "text"),
        (b"x" * 5_000_001, "longer"),
    ],
)
def test_unreadable_bytes_have_a_reason(raw: bytes, reason: str) -> None:
    """Nothing is guessed: a file that Python would not read is refused."""
    with pytest.raises(UnreadableSource, match=reason):
        read_source(raw)


def test_columns_count_utf8_bytes_and_lines_end_as_python_says() -> None:
    """A line separator inside a string ends no line, a carriage return alone does."""
    source = read_source("t = 'é\u2028'\rx = 1\r\ny = t".encode())
    assert [source.slice(node) for node in parse(source).body] == ["t = 'é\u2028'", "x = 1", "y = t"]


@pytest.mark.parametrize("name", ["f", "e", "w", "i", "c", "g", "rest", "n"])
def test_everything_that_binds_is_seen(name: str) -> None:
    """Definitions, clauses, targets, captures, walrus and global statements bind."""
    code = "def f():\n  global g\n  g = 1\ntry: pass\nexcept E as e: pass\nwith x as w: pass\nfor i in x: pass\nclass c: pass\nmatch x:\n  case {**rest}: pass\n[(n := 1) for q in x]\n"
    tables = bind(parse(read_source(code.encode())))
    assert name in tables.module.bindings
    assert "q" not in tables.module.bindings


def test_a_class_body_is_skipped_from_its_methods() -> None:
    """A method's free name is looked up around the class."""
    tables = bind(parse(read_source(b"x = 1\nclass A:\n  x = 2\n  def f(self): return x\n")))
    use = tables.uses["x"][0]
    assert lookup("x", use.scope) is tables.module


def test_three_thousand_terms_are_walked() -> None:
    """A long chain of operators does not end the walk."""
    one = module("import logging\nx = " + " + ".join(["logging.getLogger"] * 3000) + "\n")
    assert one.count(["logging.getLogger"]) == 3000


def test_reexports_that_lead_to_themselves_end() -> None:
    """`from .settings import settings` and circles of names are followed to an end."""
    facts = {
        "pkg/__init__.py": Facts(exports={"settings": "pkg.settings.settings"}),
        "a.py": Facts(exports={"x": "b.x.y"}),
        "b.py": Facts(exports={"x": "a.x.z"}),
    }
    project = Project(facts)
    assert project.canonical("pkg.settings") == "pkg.settings"
    assert project.canonical("pkg.settings.settings") == "pkg.settings.settings"
    assert project.canonical("a.x") == "a.x"


def test_source_folders_are_stripped_and_packages_are_not() -> None:
    """A file's first import name keeps its packages."""
    names = import_names(["src/svc/__init__.py", "src/svc/api.py", "tool.py"])
    assert names["src/svc/api.py"][0] == "svc.api"
    assert names["tool.py"] == ("tool",)


def test_swapped_modules_are_told_from_read_ones() -> None:
    """Only what is put into `sys.modules` counts."""
    assert swapped_modules(b'sys.modules["a"] = x\nsys.modules["b"].c == 1\npatch.dict("sys.modules", {"d": y})') == {
        "a",
        "d",
    }


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("import logging\n\nlogging.getLogger()\nlogging.INFO\n", "import logging\n\nfrom maestro_core_logging import get_logger\n\nget_logger()\nlogging.INFO\n"),
        ("from logging import INFO, getLogger\n\ngetLogger(INFO)\n", "from logging import INFO\n\nfrom maestro_core_logging import get_logger\n\nget_logger(INFO)\n"),
        ('"""Page."""\nfrom __future__ import annotations; import logging; x = logging.getLogger()\n', '"""Page."""\nfrom __future__ import annotations; from maestro_core_logging import get_logger; import logging; x = get_logger()\n'),
        ("import logging\n\nx = logging.getLogger()  # type: logging.Logger\n", "import logging\n\nfrom maestro_core_logging import get_logger\n\nx = get_logger()  # type: logging.Logger\n"),
        ("import sys\nsys.path.insert(0, 'lib')\nimport logging\n\nlogging.getLogger()\n", "import sys\nsys.path.insert(0, 'lib')\nfrom maestro_core_logging import get_logger\n\nget_logger()\n"),
    ],
)  # fmt: skip
def test_imports_follow(before: str, after: str) -> None:
    """The new import stands where it works, and the old one goes only when nothing mentions it."""
    result = rewrite_file(
        before.encode(), "mod.py", Project({"mod.py": Facts()}), select(["logging/ask_the_library_for_loggers"])
    )
    assert (result.after or b"").decode() == after


def test_patterns_capture_and_refuse() -> None:
    """A metavariable used twice must be the same text; a pattern must begin with a name."""
    one = module("import a\na.f(1, 1)\na.f(1, 2)\n")
    assert [match.site.line for match in Pattern("a.f($x, $x)").matches(one)] == [2]
    for wrong in ("1 +", "$x.y()", "[a.b]"):
        with pytest.raises(PatternError):
            rewrite(wrong, to="a.b")


def test_nested_matches_wait_for_the_next_round() -> None:
    """A match inside another one is rewritten after it, never over it."""
    recipe = Recipe("local/wrap", "Wrap", "", (rewrite("a.f($x)", to="b.g($x, 1)"),), words=("a",), sites=("a.f",))
    result = rewrite_file(b"import a\na.f(a.f(2))\n", "mod.py", Project({"mod.py": Facts()}), [recipe])
    assert result.after == b"from b import g\ng(g(2, 1), 1)\n"
    assert result.rounds == 2


def test_a_recipe_that_fails_loses_only_its_own_edits(tmp_path: Path) -> None:
    """The failure is a finding, the other recipes go on."""

    def broken(_: Module) -> list[object]:
        raise LookupError("no such thing")

    (tmp_path / "mod.py").write_text("import logging\n\nlog = logging.getLogger()\n")
    recipes = (Recipe("local/broken", "Break", "", edits=broken, words=("logging",)), *select(["logging/ask_the_library_for_loggers"]))  # type: ignore[arg-type]  # wrong on purpose
    made = plan(tmp_path, Options(recipes, jobs=1))
    assert [write.path for write in made.writes] == ["mod.py"]
    assert [finding.reason for finding in made.findings] == ["recipe-failed: LookupError: no such thing"]


def test_a_cache_that_cannot_be_used_is_no_cache(tmp_path: Path) -> None:
    """What was kept comes back; a file that is no database does no harm."""
    store = ResultCache(tmp_path / "c.sqlite")
    store.write([("k", "v")])
    assert store.read(["k", "other"]) == {"k": "v"}
    store.close()
    (tmp_path / "bad.sqlite").write_bytes(b"not a database" * 100)
    broken = ResultCache(tmp_path / "bad.sqlite")
    broken.write([("k", "v")])
    assert broken.read(["k"]) == {}
    broken.close()
    assert digest(b"a", b"b") != digest(b"ab")


def test_only_the_services_own_files_are_read(tmp_path: Path) -> None:
    """Environments, caches and links are left out; tests and generated files are read but stay."""
    for path in ("svc/a.py", ".venv/x.py", "env/pyvenv.cfg", "env/y.py", "node_modules/z.py"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("")
    (tmp_path / "loop.py").symlink_to(tmp_path / "svc/a.py")
    assert python_files(tmp_path) == ["svc/a.py"]
    assert not is_service_code("tests/test_a.py", b"")
    assert not is_service_code("svc/a.py", b"# @generated\n")
    with pytest.raises(UnusableInput, match="is a file"):
        require_folder(tmp_path / "svc/a.py")
