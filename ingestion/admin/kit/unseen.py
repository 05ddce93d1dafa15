"""What shows nothing, or turns the direction of what follows, is made visible in every text of every page: here alone.

`acme\\u202egnp.exe` looks like `acmeexe.png`, and a name with a zero-width space like another tenant's. What is edited
(the values of inputs and options, text areas) stays what it is, or saving a form would change it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpResponse
from django.template.response import TemplateResponse

from ingestion.admin.kit.payloads import is_unseen, visible

_PART = re.compile(
    r"<(?:script|style|textarea)\b.*?</(?:script|style|textarea)>|<[^>]*>|[^<]+", re.DOTALL | re.IGNORECASE
)
_WHOLE = re.compile(r"<(?:script|style|textarea)\b", re.IGNORECASE)
_SENT = re.compile(r"""(\svalue=(?:"[^"]*"|'[^']*'))""", re.IGNORECASE)
"""What a browser sends back."""


def make_visible(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """`view` with a page in which nothing hides. Downloads and redirects stay as they are."""

    @wraps(view)
    def wrapped(*arguments: Any, **named: Any) -> HttpResponse:
        response = view(*arguments, **named)
        if isinstance(response, TemplateResponse):
            response.add_post_render_callback(_make_page_visible)
        return response

    return wrapped


def _make_page_visible(response: HttpResponse) -> None:
    page = response.content.decode()
    if any(is_unseen(sign) for sign in set(page) - {"\r"}):  # a page has few different signs, and mostly none of these
        response.content = _PART.sub(_make_part_visible, page)


def _make_part_visible(part: re.Match[str]) -> str:
    text = part[0]
    if _WHOLE.match(text):
        return text
    if not text.startswith("<"):
        return visible(text)
    return "".join(piece if _SENT.fullmatch(piece) else visible(piece) for piece in _SENT.split(text))
