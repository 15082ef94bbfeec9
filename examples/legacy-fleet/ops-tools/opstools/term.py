"""Tables and colours for terminals."""

import os
import sys

COLOURS = {"red": 31, "green": 32, "yellow": 33}


def use_colour(stream=None):
    stream = stream or sys.stdout
    if os.environ.get("NO_COLOR"):
        return False
    return stream.isatty() or os.getenv("FORCE_COLOR", "0") == "1"


def paint(text, colour, stream=None):
    if not use_colour(stream):
        return text
    return f"\033[{COLOURS[colour]}m{text}\033[0m"


def table(rows, header):
    """Rows under a header, columns as wide as they need to be."""
    rows = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in [list(header), *rows]) for i in range(len(header))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(header, widths)).rstrip()]
    lines.append("  ".join("-" * width for width in widths))
    for row in rows:
        lines.append("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
    return "\n".join(lines)


def human(size):
    for unit in ("B", "KB", "MB", "GB"):
        if size < 1024:
            return f"{size:.0f} {unit}"
        size /= 1024
    return f"{size:.0f} TB"
