"""Everything that can be asked of a list of the console by clicking, and the statements that it takes."""

from collections.abc import Iterator
from typing import Any

from django.contrib.admin.templatetags.admin_list import result_headers
from django.db import connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext


def asked_by(page: Any, user: Any, query: str) -> tuple[Any, list[str]]:
    """The list as `user` sees it with `query`, and the statements that it took."""
    request = RequestFactory().get(f"/{query}")
    request.user = type(user).objects.get(pk=user.pk)
    with CaptureQueriesContext(connection) as asked:
        changes = page.get_changelist_instance(request)
        list(changes.result_list)
    return changes, [one["sql"] for one in asked.captured_queries]


def questions(changes: Any, choices: int) -> Iterator[tuple[str, str]]:
    """Every parameter of a list with the query strings to try."""
    yield "plain", ""
    for header in result_headers(changes):
        if header["sortable"]:
            yield f"by {header['text']}", header["url_primary"]
            yield f"by {header['text']}", header["url_primary"].replace("o=", "o=-").replace("--", "")
    for spec in changes.filter_specs:
        for choice in list(spec.choices(changes))[: choices + 1]:
            yield str(spec.title), choice["query_string"]
    if changes.search_fields:
        yield "search", f"?q={'0' * 32}"
