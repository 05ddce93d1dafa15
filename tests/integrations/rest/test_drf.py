"""Against a real Django REST framework site in another process: its pages, its tokens, rows that come and go."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from ingestion import CredentialError, Page, PrivateAddress, Window
from integrations.rest import Bearer, Cursor, LinkHeader, NextUrl, Offset, PageNumber, Rest
from tests.integrations.rest.conftest import TOKEN, Site
from tests.integrations.rest.worlds import NOW, context, ids

pytestmark = pytest.mark.slow
LOCAL = ("127.0.0.0/8",)
EVERY = {str(one) for one in range(1, 1038)}


def paged(site: Site, path: str, **values: Any) -> Rest:
    return Rest(base_url=site.url, path=path, **{"records": "$.results[*]", **values})


STYLES: dict[str, Callable[[Site], Rest]] = {
    "page": lambda site: paged(site, "/page/", pagination=PageNumber(size_param="page_size"), total="$.count"),
    "page, no total": lambda site: paged(site, "/page/", pagination=PageNumber()),
    "offset": lambda site: paged(site, "/offset/", pagination=Offset(limit=500), total="$.count"),
    "cursor as next url": lambda site: paged(site, "/cursor/", pagination=NextUrl()),
    "page as next url": lambda site: paged(site, "/page/", pagination=NextUrl(), total="$.count"),
    "link": lambda site: paged(site, "/link/", records="$", pagination=LinkHeader(), total_header="X-Total-Count"),
}


def read(declared: Rest, checkpoint: Any = None, **values: Any) -> list[Page]:
    return list(declared.extract(context(private_networks=LOCAL, **values), checkpoint))


@pytest.mark.parametrize("style", STYLES)
def test_all_rows_are_read_once(style: str, site: Site) -> None:
    pages = read(STYLES[style](site))

    found = ids(pages)
    assert set(found) == EVERY
    assert len(found) - len(EVERY) <= (len(pages) if style == "offset" else 0)


@pytest.mark.parametrize("style", STYLES)
def test_a_reading_goes_on_from_the_middle(style: str, site: Site) -> None:
    whole = read(STYLES[style](site))
    middle = len(whole) // 2

    again = read(STYLES[style](site), json.loads(json.dumps(whole[middle].checkpoint)))

    assert set(ids(whole[: middle + 1]) + ids(again)) == EVERY
    assert len(again) == len(whole) - middle - 1


@pytest.mark.parametrize("style", ["page", "offset", "cursor as next url", "page as next url", "link"])
@pytest.mark.parametrize("at", [2, 7])
def test_no_row_that_stays_is_lost_when_rows_are_added_in_front(style: str, at: int, site: Site) -> None:
    site.control(at=at, insert=33)

    assert set(ids(read(STYLES[style](site)))) >= EVERY


@pytest.mark.parametrize("style", ["page", "offset", "cursor as next url"])
@pytest.mark.parametrize("at", [2, 7])
def test_no_row_that_stays_is_lost_when_rows_are_deleted(style: str, at: int, site: Site) -> None:
    gone = [3, 5, 8, 49, 50, 51, 100, 101, 1037]
    site.control(at=at, delete=gone)

    assert set(ids(read(STYLES[style](site)))) >= EVERY - set(map(str, gone))


def test_only_the_window_is_asked_for(site: Site) -> None:
    since = Window(datetime(2026, 1, 1, 17, 0, tzinfo=UTC), NOW)
    declared = paged(site, "/page/", pagination=PageNumber(), params={"updated_after": "{window.start}"})

    found = ids(read(declared, window=since))

    assert set(found) == {str(one) for one in range(17 * 60, 1038)}


@pytest.mark.parametrize("style", ["page", "offset", "cursor", "link"])
def test_the_framework_s_token_opens_what_it_guards(style: str, site: Site) -> None:
    values = {"link": {"records": "$", "pagination": LinkHeader()}, "cursor": {"pagination": NextUrl()},
              "page": {"pagination": PageNumber()}, "offset": {"pagination": Offset()}}[style]  # fmt: skip
    declared = paged(site, f"/private/{style}/", auth=Bearer(scheme="Token"), **values)

    assert set(ids(read(declared, secret={"token": TOKEN}))) == EVERY
    with pytest.raises(CredentialError, match="401"):
        read(declared, secret={"token": "0" * 40})


def test_without_leave_no_private_address_is_called(site: Site) -> None:
    with pytest.raises(PrivateAddress):
        list(STYLES["page"](site).extract(context(), None))

    assert site.control()["asked"] == 0


def test_a_cursor_path_that_names_nothing_is_said_in_the_preview(site: Site) -> None:
    declared = paged(site, "/page/", pagination=Cursor(next="$.nxt"))

    page = declared.preview(context(private_networks=LOCAL))

    assert any("$.nxt" in note for note in page.notes)
