"""Signs that nobody sees are made visible on a page, and not in what its forms send back."""

from __future__ import annotations

import pytest
from django.http import HttpResponse
from django.template import engines
from django.template.response import TemplateResponse
from django.test import RequestFactory

from ingestion.admin.kit.unseen import make_visible

HIDDEN = "acme\u202egnp.exe\u200b"
SEEN = "acme\\u202egnp.exe\\u200b"


def page(source: str) -> str:
    view = make_visible(
        lambda request: TemplateResponse(request, engines["django"].from_string(source), {"name": HIDDEN})
    )
    return view(RequestFactory().get("/")).render().content.decode()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "source",
    [
        "<p title='{{ name }}'>{{ name }}</p>",
        '<option value="1">{{ name }}</option>',
        '<input value="1" aria-label="{{ name }}" placeholder="{{ name }}">',
        "{{ name }}",
    ],
)
def test_texts_and_what_describes_them(source: str) -> None:
    assert page(source) == source.replace("{{ name }}", SEEN)


@pytest.mark.parametrize(
    "source",
    [
        '<input type="text" value="{{ name }}">',
        "<option value='{{ name }}'>1</option>",
        "<textarea>{{ name }} <b></textarea>",
        '<script type="application/json">"{{ name }}"</script>',
    ],
)
def test_what_is_sent_back_stays_as_it_is(source: str) -> None:
    assert page(source) == source.replace("{{ name }}", HIDDEN)


def test_line_ends_and_letters_of_any_script_stay() -> None:
    assert page("<p>Zoë\r\n\t東京 €</p>").replace("\r\n", "\n") == "<p>Zoë\n\t東京 €</p>"


@pytest.mark.parametrize("text", ["می\u200cتوان", "👨\u200d👩\u200d👧"])
def test_joiners_of_scripts_that_need_them_are_no_hiding_place(text: str) -> None:
    assert page(f"<p>{text}</p>") == f"<p>{text}</p>"
    assert page("<p>ac\u200dme \u200c</p>") == "<p>ac\\u200dme \\u200c</p>"


def test_downloads_are_left_alone() -> None:
    response = HttpResponse(HIDDEN)

    assert make_visible(lambda request: response)(RequestFactory().get("/")) is response
    assert response.content.decode() == HIDDEN
