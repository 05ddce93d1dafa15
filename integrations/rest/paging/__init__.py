"""Styles of pagination. Each is a pure function from a page to the state of the next call.

docs/how-to/load-a-rest-api.md says what each style guarantees when rows come and go while it reads.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from integrations.rest.paging.cursors import Cursor, SinceId
from integrations.rest.paging.links import LinkHeader, NextUrl
from integrations.rest.paging.numbers import PageNumber
from integrations.rest.paging.offsets import Offset
from integrations.rest.paging.single_page import NoPages

Paging = Annotated[
    NoPages | PageNumber | Offset | Cursor | NextUrl | LinkHeader | SinceId, Field(discriminator="style")
]

__all__ = ["Cursor", "LinkHeader", "NextUrl", "NoPages", "Offset", "PageNumber", "Paging", "SinceId"]
