"""Sources: what is read, refused and written back."""

import pytest

from maestro_migrate._source import UnreadableSource, parse, read_source


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
