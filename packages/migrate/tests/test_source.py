"""Sources: what is read, refused and written back."""

from collections.abc import Callable

import pytest

from maestro_migrate._source import Source, UnreadableSource, check_syntax, parse, read_source


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


@pytest.mark.parametrize(
    "code",
    [
        "x = 1\n",
        "def f(:\n",
        "def f():\n    print(x)\n    global x\n",  # valid to the parser, not to the compiler
        "def f():\n    nonlocal x\n",
        "x = '\\d'\n",
        "x = " + "(" * 300 + ")" * 300 + "\n",
        "x = " + "-" * 5_000 + "1\n",
        "return 1\n",
        "class C:\n    def f(self, a, a): ...\n",
    ],
)
def test_asking_whether_it_can_be_parsed_answers_as_parsing_does(code: str) -> None:
    """The cheap question may not list a file as unreadable that is read, nor give another reason."""

    def answer(ask: Callable[[Source], object]) -> str:
        try:
            ask(read_source(code.encode()))
        except UnreadableSource as error:
            return str(error)
        return ""

    assert answer(check_syntax) == answer(parse)
