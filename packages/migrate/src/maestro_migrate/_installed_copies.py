"""A service that is installed into its environment as a copy, not as a link: its tests may import that copy, which then has to be what the tree is."""

from collections.abc import Iterable
from pathlib import Path, PurePosixPath

__all__ = ["InstalledCopies"]


class InstalledCopies:
    """Which folders of a service's tree an environment of ours holds a copy of: those whose modules are there under the same names and with the same bytes."""

    def __init__(self, tree: Path, environment: Path) -> None:
        self._places: dict[str, list[Path]] = {}
        self._followed: set[str] = set()
        packages = list(environment.glob("lib*/python*/site-packages"))
        for folder in sorted({path.parent for path in tree.rglob("*.py")}) if packages else ():
            parts = folder.relative_to(tree).parts
            ends = [parts[start:] for start in range(len(parts))] or [()]
            found = [place for each in packages for end in ends if _is_copy(folder, place := each.joinpath(*end))]
            if found:
                self._places["/".join(parts)] = found

    def follow(self, tree: Path, changed: Iterable[str]) -> None:
        """Make the copies what the tree is, for the changed modules and for those that were changed the last time."""
        now = {path for path in changed if path.endswith(".py")}
        for path in sorted(now | self._followed):
            for place in self._places.get(path.rpartition("/")[0], ()):
                _make_same(tree / path, place / PurePosixPath(path).name)
        self._followed = now


def _is_copy(folder: Path, place: Path) -> bool:
    texts = [
        (path.read_bytes(), twin.read_bytes())
        for path in folder.glob("*.py")
        if path.is_file() and (twin := place / path.name).is_file()
    ]
    return any(text for text, _ in texts) and all(text == other for text, other in texts)


def _make_same(source: Path, copy: Path) -> None:
    """Replace the copy, never write into it: an installer may have linked it from its cache."""
    wanted = source.read_bytes() if source.is_file() else None
    if wanted == (copy.read_bytes() if copy.is_file() else None):
        return
    copy.unlink(missing_ok=True)
    if wanted is not None:
        copy.write_bytes(wanted)
