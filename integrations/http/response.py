"""The response to a call, read to its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from ingestion import SourceChanged, Transient, counted, doubled_error


@dataclass(frozen=True, slots=True)
class Response:
    """What a source answered. Its repr names the call and shows no content."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    """Names are looked up without regard to case; a repeated one is joined with commas."""
    body: bytes = field(repr=False)
    """Decompressed."""
    url: str = field(repr=False)
    """The address after redirects, without secret parameters."""
    what: str = ""
    """Method, host and path of the call, without secrets."""
    framed: bool = True
    """Whether the source told the body's length; without it a broken connection looks like the end of the body."""

    def json(self) -> Any:
        """The body as JSON. Raises SourceChanged when it is no JSON, Transient when it may have been cut on the way."""
        if error := doubled_error(self.body):
            raise SourceChanged(f"{self.what} answered with JSON that cannot be trusted: {error}")
        try:
            return msgspec.json.decode(self.body.removeprefix(b"\xef\xbb\xbf"))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            pass
        if not self.framed:
            raise Transient(
                f"{self.what}: the body is no JSON, and was perhaps cut: the source did not tell its length."
            )
        raise SourceChanged(f"{self.what} answered {self.status}, but with {self._description()} instead of JSON.")

    def _description(self) -> str:
        """What a body that is no JSON looks like, in words."""
        start = self.body[:200].lstrip().lower()
        if not start:
            return "an empty body"
        if start.startswith((b"<!doctype html", b"<html")):
            length = counted(len(self.body), "byte")
            return f"a web page of {length} (a login page, or an error page of something in between)"
        return counted(len(self.body), "byte that is something else", "bytes that are something else")
