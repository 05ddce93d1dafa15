"""What the standalone commands print: prefixed log lines and a small table."""

import sys
from collections.abc import Sequence
from datetime import datetime
from typing import TextIO

WIDTH = 11


def emit(name: str, line: str, out: TextIO | None = None) -> None:
    """One program's line, marked with its name."""
    stream = out or sys.stdout
    stream.write(f"{name:<{WIDTH}} | {line}\n")
    stream.flush()


def stamped(text: str) -> str:
    """A line of ours with the time in front, as logging writes it, in local time."""
    now = datetime.now()  # noqa: DTZ005  local
    return f"{now:%Y-%m-%d %H:%M:%S},{now.microsecond // 1000:03} {text}"


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Columns as wide as they need to be: text to the left, numbers to the right."""
    cells = [[str(cell) for cell in row] for row in (head, *rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    numeric = [bool(rows) and all(isinstance(row[i], int) for row in rows) for i in range(len(head))]
    lines = []
    for row in cells:
        columns = zip(row, widths, numeric, strict=True)
        lines.append("  ".join(cell.rjust(width) if right else cell.ljust(width) for cell, width, right in columns))
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(line.rstrip() for line in lines)
