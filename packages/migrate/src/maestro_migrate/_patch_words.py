"""What a file's text says it replaces, found without parsing it: modules in `sys.modules`, and dotted names that are patched by a string."""

import re

from ._words import Words

__all__ = ["PATCH_WORDS", "patched_strings", "swapped_modules"]

_DOTTED = re.compile(rb"""["'](?<!dict\(.)(?<!dict\(\n.)((?:[A-Za-z_]\w*\.)+[A-Za-z_]\w*)["']""")
_DICT = re.compile(rb"""\.dict\(\s*["']((?:[A-Za-z_]\w*\.)+[A-Za-z_]\w*)["']""")
_SUFFIX = re.compile(rb"""["'}]\.((?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*)["']""")
_SWAP = re.compile(rb"""modules(?:\[\s*["'](\w+)["']\s*\]\s*=[^=]|\.setdefault\(\s*["'](\w+)["'])""")
_SWAP_DICT = re.compile(rb"""\.dict\(\s*["']?sys\.modules["']?\s*,\s*([^)]*)""")
_KEY = re.compile(rb"""["'](\w+)["']\s*:|(\w+)\s*=""")
PATCH_WORDS = (("patch", r"(?<![dD]is)patch"), "setattr", "delattr", "Mock")
_PATCHES = Words.of(PATCH_WORDS)


def swapped_modules(text: bytes) -> set[str]:
    """Return the top-level modules that a file puts into `sys.modules`."""
    if b"modules" not in text:
        return set()
    found = {(match[1] or match[2]).decode() for match in _SWAP.finditer(text)}
    for match in _SWAP_DICT.finditer(text):
        found |= {(key[1] or key[2]).decode() for key in _KEY.finditer(match[1])}
    return found


def patched_strings(text: bytes) -> tuple[set[str], set[str]]:
    """Return the dotted names, and the first names after a computed prefix, that a file's strings may patch; `patch.dict` replaces nothing."""
    if not _PATCHES.occur_in(text):
        return set(), set()
    dotted = {match.group(1).decode() for match in _DOTTED.finditer(text)}
    dotted -= {match.group(1).decode() for match in _DICT.finditer(text)} - {
        m.group(1).decode() for m in re.finditer(rb"""patch\(\s*["']((?:\w+\.)+\w+)["']""", text)
    }
    loose = {match.group(1).decode().split(".")[0] for match in _SUFFIX.finditer(text)}
    return dotted, loose
