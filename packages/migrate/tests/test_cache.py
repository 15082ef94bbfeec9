"""The cache: a shortcut, never a need."""

from pathlib import Path

from maestro_migrate._cache import ResultCache, digest


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
