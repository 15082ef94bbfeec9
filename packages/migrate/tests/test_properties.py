"""Random programs: nothing crashes, output is Python, bytes outside edits stay, a second run rests, and no recipe changes nothing."""

import ast
import codecs
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from maestro_migrate._engine import Options, plan
from maestro_migrate._recipe import all_recipes
from maestro_migrate._source import UnreadableSource, read_source
from maestro_migrate._spans import Edit, apply_edits

IMPORTS = st.sampled_from(["import logging", "import logging as log_", "from logging import getLogger", "from logging import (\n    INFO,\n    getLogger,\n)", "import os", "import os, logging", "from os import environ, getenv", "from fastapi import FastAPI", "from flask import Flask", "import os; import logging"])  # fmt: skip
SIMPLE = st.sampled_from(
    [
        "x = logging.getLogger(__name__)", "x = getLogger('é')", "x = log_.getLogger(name='a')", "y = os.getenv('PORT', '80')", "y = int(os.environ.get('PORT') or 8)", "y = environ['HOME']",
        "logging.basicConfig(level=logging.INFO, format='%(message)s')", "logging.info('hi %s', 1)", "app = FastAPI(title='é')", "app = Flask(__name__)", "logging = None", "del os",
        "print(f\"{logging.getLogger('a').name} {os.getenv('A')}\")", "for logging in []: pass", "z = [logging for logging in [1]]",
        "(logging := 3)", "z = lambda logging: logging.getLogger('q')", "os.environ['A'] = 'b'", "z = (logging  # why\n    .getLogger('a'))", "get_logger = 1", "settings = os.getenv(\n    'A',  # first\n    'b',\n)", "pass",
    ]
)  # fmt: skip


def indented(text: str) -> str:
    """Indent a block by four spaces."""
    return "".join(f"    {line}\n" for line in text.rstrip("\n").split("\n"))


def nested(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Put blocks into functions, classes, guards and loops."""
    heads = st.sampled_from(
        [
            "def f(logging=os):",
            "def g():",
            "class A:",
            "if x:",
            "while False:",
            "async def h(os):",
            "with x as logging:",
        ]
    )
    body = st.lists(inner, min_size=1, max_size=3).map("\n".join)
    blocks = st.tuples(heads, body).map(lambda pair: f"{pair[0]}\n{indented(pair[1])}")
    guards = body.map(lambda text: f"try:\n{indented(text)}except ImportError as logging:\n    pass\n")
    return st.one_of(blocks, guards)


STATEMENTS = st.recursive(st.one_of(IMPORTS, SIMPLE), nested, max_leaves=8)
HEADS = st.sampled_from(
    [
        "",
        '"""Page."""\n',
        "#!/usr/bin/env python\n# licence\n\n",
        '"""Page."""\nfrom __future__ import annotations\n',
        "# comment\n",
    ]
)
DECOR = st.sampled_from(["", "\n", "\n\n", "# note\n", "\f\n"])


@st.composite
def programs(draw: st.DrawFn) -> bytes:
    """Return the bytes of a program in some encoding, with some line ends."""
    parts = draw(st.lists(st.tuples(DECOR, STATEMENTS), min_size=1, max_size=8))
    text = (
        draw(HEADS)
        + "\n".join(draw(st.lists(IMPORTS, max_size=3)))
        + "\n"
        + "".join(f"{decor}{statement}\n" for decor, statement in parts)
    )
    encoding = draw(st.sampled_from(["utf-8", "utf-8-sig", "latin-1"]))
    if encoding == "latin-1":
        text = "# coding: latin-1\n" + text
    text = text.rstrip("\n") if draw(st.booleans()) else text
    raw = text.replace("\n", draw(st.sampled_from(["\n", "\r\n", "\r"]))).encode(
        "latin-1" if encoding == "latin-1" else "utf-8"
    )
    return codecs.BOM_UTF8 + raw if encoding == "utf-8-sig" else raw


def rewritten(raw: bytes, *, recipes: bool = True) -> tuple[bytes, list[str]]:
    """Return what the engine makes of one file of a project, with what it says against itself."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mod.py"
        path.write_bytes(raw)
        made = plan(Path(folder), Options(all_recipes() if recipes else (), unsafe=True, jobs=1))
        for write in made.writes:
            (Path(folder) / write.path).write_bytes(write.after or b"")
        again = plan(Path(folder), Options(all_recipes() if recipes else (), unsafe=True, jobs=1))
        faults = [f.reason for f in made.findings if f.recipe == "engine" or f.reason.startswith("recipe-failed")]
        faults += [f"second run changes {write.path}" for write in again.writes]
        return path.read_bytes(), faults


def is_python(raw: bytes) -> bool:
    """Return whether a file is Python at all."""
    try:
        ast.parse(raw)
    except (SyntaxError, ValueError):
        return False
    return True


@settings(max_examples=250)
@given(programs())
def test_random_programs_come_out_whole(raw: bytes) -> None:
    """What was Python stays Python, in its encoding and line ends; the engine finds no fault with itself and rests."""
    after, faults = rewritten(raw)
    assert not faults
    if is_python(raw):
        assert is_python(after)
        assert after.startswith(codecs.BOM_UTF8) == raw.startswith(codecs.BOM_UTF8)
        if b"\n" not in raw:
            assert b"\n" not in after
    else:
        assert after == raw


@settings(max_examples=50)
@given(programs())
def test_without_recipes_nothing_changes(raw: bytes) -> None:
    """Zero recipes, zero bytes."""
    assert rewritten(raw, recipes=False) == (raw, [])


@given(st.binary(max_size=200))
def test_a_source_comes_back_as_it_was(raw: bytes) -> None:
    """Any bytes are either refused with a reason or written back exactly."""
    try:
        source = read_source(raw)
    except UnreadableSource:
        return
    assert source.encoded(source.text) == raw


@given(st.binary(max_size=60), st.data())
def test_bytes_outside_edits_stay(text: bytes, data: st.DataObject) -> None:
    """Whatever is replaced, what lies between the edits is in the result in its order."""
    points = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8, unique=True)))
    edits = [Edit(low, high, "X") for low, high in zip(points[::2], points[1::2], strict=False)]
    outside, position = [], 0
    for edit in edits:
        outside.append(text[position : edit.start])
        position = edit.end
    assert apply_edits(text, edits) == b"X".join([*outside, text[position:]])
