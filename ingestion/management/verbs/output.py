"""Aligned text for people, or one JSON document for machines."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from django.core.serializers.json import DjangoJSONEncoder

from ingestion.redaction import mask

Row = Mapping[str, Any]


class Stream(Protocol):
    def write(self, text: str) -> Any: ...

    def flush(self) -> Any: ...


class Output:
    """Text is written as it comes; the JSON document is gathered and written by `close`, also after an error.

    Known secrets are masked: what a source or a transform said may hold one.
    """

    def __init__(self, stream: Stream, *, as_json: bool) -> None:
        self._stream = _Masked(stream)
        self._document: dict[str, Any] | None = {} if as_json else None

    def say(self, text: str) -> None:
        """A sentence for people, who read it while the process goes on; machines do not get it."""
        if self._document is None:
            self._stream.write(text)
            self._stream.flush()  # into a pipe or a journal it would be written when the process ends

    def rows(self, name: str, rows: Sequence[Row], columns: Sequence[str], nothing: str = "") -> None:
        """A table of `columns`; as JSON all keys of every row under `name`. `nothing` is said instead of no rows."""
        if self._document is not None:
            self._document[name] = list(rows)
        elif rows:
            self._stream.write(table(columns, rows))
        elif nothing:
            self._stream.write(nothing)

    def texts(self, name: str, texts: Sequence[str]) -> None:
        """Longer texts, line by line, with what could drive a terminal escaped."""
        if self._document is not None:
            self._document[name] = list(texts)
            return
        for text in texts:
            self._stream.write("\n".join(shown_as(line) for line in text.splitlines()))

    def fields(self, name: str, values: Row) -> None:
        """One thing, a line for each of its fields that is not empty; nested values as indented JSON."""
        if self._document is not None:
            self._document[name] = dict(values)
            return
        texts = {key.replace("_", " "): _laid_out(value) for key, value in values.items()}
        width = max(map(len, texts))
        margin = "\n" + " " * (width + 2)
        self._stream.write("\n".join(f"{key:<{width}}  {margin.join(lines)}" for key, lines in texts.items() if lines))

    def error(self, message: str) -> None:
        if self._document is not None:
            self._document["error"] = message

    def close(self) -> None:
        if self._document is not None:
            self._stream.write(json.dumps(self._document, cls=DjangoJSONEncoder, indent=2))
        self._stream.flush()


class _Masked:
    """A stream that no known secret passes. After its reader is gone (`| head`) the rest is dropped."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._has_reader = True

    def write(self, text: str) -> None:
        self._try(lambda: self._stream.write(mask(text)))

    def flush(self) -> None:
        self._try(self._stream.flush)

    def _try(self, do: Callable[[], object]) -> None:
        if not self._has_reader:
            return
        try:
            do()
        except BrokenPipeError:
            self._has_reader = False
            # What is still buffered must go somewhere, or Python fails once more when the process ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def table(columns: Sequence[str], rows: Sequence[Row]) -> str:
    """Columns side by side, numbers to the right."""
    cells = [[shown_as(row[column]) for column in columns] for row in rows]
    right = [all(isinstance(row[column], int) for row in rows) for column in columns]
    heads = [column.replace("_", " ") for column in columns]
    widths = [max(len(line[index]) for line in [heads, *cells]) for index in range(len(columns))]
    lines = [heads, ["-" * width for width in widths], *cells]
    return "\n".join(_line(line, widths, right) for line in lines)


def _line(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    aligned = (
        cell.rjust(width) if to_right else cell.ljust(width)
        for cell, width, to_right in zip(cells, widths, right, strict=True)
    )
    return "  ".join(aligned).rstrip()


def _laid_out(value: Any) -> list[str]:
    """The lines of a field's value: one, or indented JSON where values lie in values; none where it is empty."""
    if isinstance(value, dict) and any(isinstance(member, dict) and member for member in value.values()):
        text = json.dumps(value, cls=DjangoJSONEncoder, indent=2, ensure_ascii=False)
        return [shown_as(line) for line in text.splitlines()]
    return [line] if (line := shown_as(value)) else []


def shown_as(value: Any) -> str:
    """One line of text. Control characters are escaped: what comes from outside must not drive a terminal."""
    match value:
        case None:
            return ""
        case datetime():
            return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        case dict():
            return ", ".join(f"{shown_as(key)}: {shown_as(item) or '-'}" for key, item in value.items())
        case list() | tuple():
            return "; ".join(shown_as(item) for item in value)
        case _:
            return "".join(
                character if character.isprintable() else character.encode("unicode_escape").decode()
                for character in str(value)
            )
