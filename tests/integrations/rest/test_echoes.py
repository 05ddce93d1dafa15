"""A source that repeats what it is sent shows nobody the credential, whole or in part, also not bit by bit."""

from __future__ import annotations

import base64
import json
import tracemalloc
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from ingestion import IngestionError, SourceChanged
from integrations.rest import Rest
from integrations.rest.credential_policy import _PIECE_BYTES, EchoDetector
from tests.integrations.rest.configured import HOST, config, extract, preview
from tests.integrations.rest.worlds import World, ids, read, reply

SECRET = 'Ks3/cret"+Word'
STORED = {"key": SECRET, "hosts": HOST}
BY_KEY = {"kind": "api_key", "place": "query", "name": "q"}


@pytest.mark.parametrize("ask", [extract, preview])
@pytest.mark.parametrize(
    "spelled",
    [
        json.dumps, lambda value: json.dumps(value).replace("/", "\\/"), lambda value: json.dumps(value.upper()),
        lambda value: json.dumps(quote(value)), lambda value: json.dumps(f"/search?q={quote(value, safe='')}&page=1"),
        lambda value: json.dumps(base64.b64encode(f"user:{value}".encode()).decode()),
        lambda value: '"' + "".join(f"\\u{ord(sign):04x}" for sign in value) + '"',
    ],
)  # fmt: skip
def test_a_page_that_repeats_the_credential_is_refused(ask: Any, spelled: Callable[[str], str]) -> None:
    world = World(lambda request: reply(f'{{"query": {spelled(request.url.params["q"])}}}'.encode()))

    with pytest.raises(SourceChanged, match="repeats a value of the credential") as refused:
        ask(world, config(auth=BY_KEY), secret=STORED)

    assert SECRET not in str(refused.value)


@pytest.mark.slow
def test_an_answer_of_escapes_alone_takes_no_multiple_of_its_size_and_is_searched_whole() -> None:
    detector = EchoDetector({"key": SECRET}, None)
    escaped = "".join(f"\\u{ord(sign):04x}" for sign in SECRET).encode()
    many = rb"\u0041" * 200_000

    tracemalloc.start()
    try:
        assert not detector.occurs_in([many])
        assert tracemalloc.get_traced_memory()[1] < 6 * len(many)
    finally:
        tracemalloc.stop()
    for before in range(_PIECE_BYTES - len(escaped) - 2, _PIECE_BYTES + 2):
        assert detector.occurs_in([b"." * before + escaped + b"." * 10]), before
        assert detector.occurs_in([b"\\" * before + escaped]), before


def test_a_header_that_is_repeated_is_refused_too() -> None:
    world = World(lambda request: reply({"headers": dict(request.headers)}))

    for auth, secret in (
        ({"kind": "bearer"}, {"token": "abcdef123456"}),
        ({"kind": "basic"}, {"username": "ann", "password": "abcdef123456"}),
    ):
        with pytest.raises(SourceChanged, match="repeats"):
            extract(world, config(auth=auth), secret={**secret, "hosts": HOST})


TOKEN = "sk_live_51HGm2KQz8vXw3RtYbNc7Lp"
BY_TOKEN = {"kind": "bearer"}


@pytest.mark.parametrize("ask", [extract, preview])
@pytest.mark.parametrize(
    "declared",
    [
        {"records": "$.heads[?@.sent > 'sk_live_5'].data[*]"},
        {"records": "$.data[*]", "total": "$.beside"},
        {"records": "$.data[*]", "pagination": {"style": "next_url", "next": "$.beside"}},
        {"records": "$.data[*]", "pagination": {"style": "page", "more": "$.beside"}},
        {"records": "$.data[*]", "pagination": {"style": "page", "pages": "$.beside"}},
    ],
    ids=["condition", "total", "next", "more", "pages"],
)
def test_nothing_is_looked_up_in_an_answer_that_repeats_the_credential(ask: Any, declared: dict[str, Any]) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        token = request.headers["authorization"].removeprefix("Bearer ")
        return reply({"data": [{"id": 1}], "beside": token, "heads": [{"sent": token, "data": [{"id": 1}]}]})

    with pytest.raises(SourceChanged, match="repeats a value of the credential"):
        ask(World(answer), config(auth=BY_TOKEN, **declared), secret={"token": TOKEN, "hosts": HOST})


@pytest.mark.parametrize("ask", [extract, preview])
def test_an_answer_whose_headers_repeat_the_credential_is_refused(ask: Any) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=[{"id": 1}], headers={"X-Echo": request.headers["authorization"]})

    with pytest.raises(SourceChanged, match="repeats a value of the credential"):
        ask(World(answer), config(auth=BY_TOKEN), secret={"token": TOKEN, "hosts": HOST})


@pytest.mark.parametrize(
    "part",
    [TOKEN[:-4], TOKEN[8:18], TOKEN[-10:], TOKEN[10:30], TOKEN[:20] + "…", TOKEN.upper()[8:20]],
)
def test_a_part_of_the_credential_is_refused_too(part: str) -> None:
    world = World(lambda request: reply({"key": part}))

    with pytest.raises(SourceChanged, match="or a part of it"):
        extract(world, config(auth=BY_TOKEN), secret={"token": TOKEN, "hosts": HOST})


JWT = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.{}.{}"


@pytest.mark.parametrize(
    ("token", "answered"),
    [
        (TOKEN, {"kind": "sk_live_", "last4": TOKEN[-4:], "hint": f"sk_live_…{TOKEN[-9:]}"}),
        (JWT.format("eyJpc3MiOiJodHRwczovL2FwaS5leGFtcGxlIn0", "a1B2c3D4e5F6g7H8"),
         {"id_token": JWT.format("eyJpc3MiOiJodHRwczovL2FwaS5leGFtcGxlIn0", "Zz9Yy8Xx7Ww6Vv5U")}),
        ("xoxb-2345678901-2345678901234-AbCdEfGhIjKlMnOpQrStUvWx", {"team": "2345678901", "user": "2345678901234"}),
        ("2f6c8d1e90ab", {"id": "2f6c8d1e90aa"}),
    ],
    ids=["kind and hint", "another JWT of the same issuer", "whose it is", "short"],
)  # fmt: skip
def test_what_others_may_know_of_a_token_may_stand_in_the_records(token: str, answered: dict[str, str]) -> None:
    world = World(lambda request: reply(answered))

    assert len(extract(world, config(auth=BY_TOKEN), secret={"token": token, "hosts": HOST})) == 1


def test_a_declaration_in_code_may_read_a_source_that_repeats_the_credential_in_its_next_address() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        last = "page" in request.url.params
        after = f"https://{HOST}/things?page=2&q={quote(SECRET, safe='')}"
        return reply({"data": [{"id": 2 if last else 1}], "next": None if last else after})

    values = config(auth=BY_KEY, key="id", records="$.data[*]", pagination={"style": "next_url"})

    pages = read(Rest.from_json(values["rest"]), World(answer), secret=STORED)

    assert ids(pages) == ["1", "2"]
    with pytest.raises(SourceChanged, match="declared in code"):
        extract(World(answer), values, secret=STORED)


def test_who_asks_may_stand_in_the_records() -> None:
    world = World(lambda request: reply({"owner": "acme-books"}))
    secret = {"username": "acme-books", "password": "abcdef123456", "hosts": HOST}

    assert len(extract(world, config(auth={"kind": "basic"}), secret=secret)) == 1


@pytest.mark.parametrize("password", [{}, {"password": ""}])
def test_a_user_name_that_no_password_proves_is_the_credential(password: dict[str, str]) -> None:
    world = World(lambda request: reply({"owner": TOKEN}))

    with pytest.raises(SourceChanged, match="repeats"):
        extract(world, config(auth={"kind": "basic"}), secret={"username": TOKEN, **password, "hosts": HOST})


FOREIGN = "Grüße-äöüß"
HALF_ESCAPED = FOREIGN.replace("ü", "\\u00fc", 1)
"""As some server may well write it in JSON: neither all of its letters are escaped, nor none."""
BY_FOREIGN = {"key": FOREIGN, "hosts": HOST}


@pytest.mark.parametrize(("declared", "sent"), [("utf-16", "utf-16"), ("iso-8859-1", "utf-8"), ("utf-8", "utf-8")])
def test_an_answer_repeats_the_credential_in_the_characters_that_came_and_in_those_that_were_declared(
    declared: str, sent: str
) -> None:
    world = World(lambda request: reply(f'{{"id": 1, "query": "{FOREIGN}"}}'.encode(sent)))

    with pytest.raises(SourceChanged, match="repeats a value of the credential"):
        extract(world, config(auth=BY_KEY, charset=declared), secret=BY_FOREIGN)


def test_a_cursor_that_is_the_credential_once_it_is_read_is_not_kept() -> None:
    world = World(lambda request: reply(f'{{"data": [{{"id": 1}}], "next": "{HALF_ESCAPED}"}}'.encode()))
    declared = config(
        auth=BY_KEY, records="$.data[*]", pagination={"style": "cursor", "param": "after", "next": "$.next"}
    )

    with pytest.raises(SourceChanged, match="repeats a value of the credential"):
        extract(world, declared, secret=BY_FOREIGN)

    assert len(world.asked) == 1


@pytest.mark.parametrize("ask", [extract, preview])
def test_an_error_in_whose_words_the_credential_comes_together_keeps_them_to_itself(ask: Any) -> None:
    world = World(lambda request: reply(f'{{"error": {{"message": "no such key: {HALF_ESCAPED}"}}}}'.encode()))

    try:
        told = str(ask(world, config(auth=BY_KEY, records="$.data[*]"), secret=BY_FOREIGN).notes)
    except IngestionError as error:
        told = str(error)

    assert FOREIGN not in told
    assert "repeats a value of the credential" in told


def test_a_remark_in_which_the_credential_comes_together_is_no_note() -> None:
    world = World(lambda request: reply(f'{{"data": [], "message": "nothing for {HALF_ESCAPED}"}}'.encode()))

    (page,) = extract(world, config(auth=BY_KEY, records="$.data[*]"), secret=BY_FOREIGN)

    assert FOREIGN not in str(page.notes)
    assert "repeats a value of the credential" in str(page.notes)


@pytest.mark.parametrize("kind", ["client_credentials", "basic"])
def test_what_was_made_of_the_credential_is_not_repeated_either(kind: str) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return reply({"access_token": "t0k3n-of-this-run"})
        return reply({"id": 1, "sent": request.headers["authorization"].partition(" ")[2]})

    auth = {"kind": kind, **({"token_url": f"https://{HOST}/token"} if kind == "client_credentials" else {})}
    secret = (
        {"client_id": "me", "client_secret": SECRET}
        if kind == "client_credentials"
        else {"username": "me", "password": "pw"}
    )

    with pytest.raises(SourceChanged, match="repeats a value of the credential"):
        extract(World(answer), config(auth=auth), secret={**secret, "hosts": HOST})


def test_who_asks_by_a_client_id_may_stand_in_the_records() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return reply(
            {"access_token": "t0k3n-of-this-run"} if request.method == "POST" else {"id": 1, "by": "books-of-acme"}
        )

    auth = {"kind": "client_credentials", "token_url": f"https://{HOST}/token"}
    secret = {"client_id": "books-of-acme", "client_secret": SECRET, "hosts": HOST}

    assert len(extract(World(answer), config(auth=auth), secret=secret)) == 1


@pytest.mark.parametrize(("token", "length"), [("12345098761234509876123450", 15), ("klmnopqrstuvwxyzabcdefgh", 11)])
def test_a_part_counts_from_the_length_at_which_it_stands_nowhere_by_chance(token: str, length: int) -> None:
    def ask(part: str) -> Any:
        world = World(lambda request: reply({"id": 1, "part": part}))
        return extract(world, config(auth=BY_TOKEN), secret={"token": token, "hosts": HOST})

    assert len(ask(token[: length - 1])) == 1
    with pytest.raises(SourceChanged, match="or a part of it"):
        ask(token[:length])
