"""
Runs one program with its plumbing watched; started by `_oracle` as a script, so it imports nothing of ours.

Every call of a watched function from the program's own code is written into standard output, in its place among the program's lines, as
a line that begins with the record separator (0x1E) and holds JSON.
"""

import functools
import importlib
import json
import runpy
import sys
import sysconfig
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

MARK = "\x1e"
_MADE: set[str] = set()
_LIBRARY_CODE = (sysconfig.get_paths()["stdlib"], sysconfig.get_paths()["purelib"], "<frozen ", __file__)


def watch(old: str, new: str, *, same_arguments: bool, looks_up: bool) -> None:
    """
    Make calls of `old` and of `new` visible; `new` does what `old` does where it takes the same arguments.

    Where it `looks_up` the old function whenever it is called, it meets what a test has put there.
    """
    owner, name = _owner(old)
    original = getattr(owner, name, None) or _nothing
    real = _recorder("real", old, original, same_arguments=same_arguments)
    setattr(owner, name, real)
    library, new_name = _stub(new)
    ours = _recorder("library", old, original if same_arguments else _nothing, same_arguments=same_arguments)

    @functools.wraps(ours)
    def looking_up(*args: object, **kwargs: object) -> object:
        found = getattr(owner, name)
        return (ours if found is real else found)(*args, **kwargs)

    setattr(library, new_name, looking_up if looks_up else ours)


def _owner(qualname: str) -> tuple[Any, str]:
    """Return the module of a dotted name, made up where it cannot be imported, and the last part."""
    home, _, name = qualname.rpartition(".")
    try:
        return importlib.import_module(home), name
    except ImportError:
        return _stub(qualname)


def _stub(qualname: str) -> tuple[Any, str]:
    """Return a made-up module for a dotted name, also where the real one is installed, and the last part."""
    home, _, name = qualname.rpartition(".")
    parts = home.split(".")
    for end in range(1, len(parts) + 1):
        path = ".".join(parts[:end])
        if path not in _MADE:
            _MADE.add(path)
            made = types.ModuleType(path)
            made.__path__ = []
            sys.modules[path] = made
            if end > 1:
                setattr(sys.modules[".".join(parts[: end - 1])], parts[end - 1], made)
    return sys.modules[home], name


def _nothing(*_args: object, **_kwargs: object) -> None:
    return None


def _recorder(kind: str, name: str, original: Callable[..., Any], *, same_arguments: bool) -> Callable[..., Any]:
    out = sys.stdout

    @functools.wraps(original)
    def recorded(*args: object, **kwargs: object) -> object:
        frame = sys._getframe(1)
        if frame.f_code.co_name == "looking_up":
            frame = frame.f_back or frame
        if not frame.f_code.co_filename.startswith(_LIBRARY_CODE):
            said = repr((args, sorted(kwargs.items()))) if same_arguments else ""
            out.write(f"{MARK}{json.dumps({'kind': kind, 'name': name, 'arguments': said})}\n")
        return original(*args, **kwargs)

    return recorded


def main() -> None:
    """Watch what the first argument says, then run the program that the second one names."""
    routes, entry = json.loads(sys.argv[1]), sys.argv[2]
    sys.argv = [entry]
    for old, new, same_arguments, looks_up in routes:
        watch(old, new, same_arguments=same_arguments, looks_up=looks_up)
    sys.path[0] = str(Path(entry).parent)
    try:
        runpy.run_path(entry, run_name="__main__")
    finally:
        sys.stdout.flush()


if __name__ == "__main__":
    main()
