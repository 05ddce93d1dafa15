"""Fields of the guided form, which turn text as people write it into values of a declaration."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from ingestion import doubled_error


class Lines(forms.CharField):
    """One `name=value` a line."""

    widget = forms.Textarea(attrs={"rows": 3, "cols": 60})

    def clean(self, value: Any) -> dict[str, Any]:
        parsed: dict[str, Any] = {}
        for line in filter(None, (line.strip() for line in (super().clean(value) or "").splitlines())):
            name, equals, text = line.partition("=")
            if not equals or not name.strip():
                raise ValidationError(_("“%(line)s” is not name=value."), params={"line": line[:60]})
            name, text = name.strip(), text.strip()
            if name in parsed:  # a parameter of several values
                earlier = parsed[name]
                parsed[name] = [*(earlier if isinstance(earlier, list) else [earlier]), text]
            else:
                parsed[name] = text
        return parsed


class JsonObject(forms.CharField):
    """A JSON object, or nothing."""

    widget = forms.Textarea(attrs={"rows": 4, "cols": 60})
    kind: type = dict
    refusal: Any = _("Write a JSON object.")

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if not text:
            return None
        try:
            parsed = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ValidationError(_("This is not JSON.")) from error
        if not isinstance(parsed, self.kind):
            raise ValidationError(self.refusal)
        if repeated_names := doubled_error(text.encode("utf-8", "surrogatepass")):
            raise ValidationError(str(repeated_names))
        return parsed


class JsonList(JsonObject):
    """A JSON list, or nothing."""

    kind = list
    refusal = _("Write a JSON list.")


class Values(forms.CharField):
    """Values with commas between, as JSON where they are (0, true, "0"), and as text where they are not (END)."""

    def clean(self, value: Any) -> list[Any]:
        return [_value(text.strip()) for text in (super().clean(value) or "").split(",") if text.strip()]


class Names(forms.CharField):
    """One name, or several with commas between."""

    def clean(self, value: Any) -> Any:
        names = [name.strip() for name in (super().clean(value) or "").split(",")]
        return names if len(names) > 1 else names[0]


def yes_or_no(label: Any, help_text: Any = "") -> forms.TypedChoiceField:
    """A choice of three: not set, true, false."""
    choices = [("", _("as usual")), ("true", _("yes")), ("false", _("no"))]
    return forms.TypedChoiceField(
        label=label,
        help_text=help_text,
        choices=choices,
        required=False,
        empty_value=None,
        coerce=lambda text: text == "true",
    )


def whole_number(label: Any, help_text: Any = "", *, least: int = 1, most: int | None = None) -> forms.IntegerField:
    return forms.IntegerField(label=label, help_text=help_text, required=False, min_value=least, max_value=most)


def values(label: Any, help_text: Any = "") -> Values:
    return Values(label=label, help_text=help_text, required=False, max_length=500)


def field_value(value: Any) -> Any:
    """The value that a field of the form shows for a declared value."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return ", ".join(_spell(item) for item in value)
    return value


def _value(text: str) -> Any:
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, str | int | float) else text


def _spell(value: Any) -> str:
    return value if isinstance(value, str) and _value(value) == value else json.dumps(value)


def text_line(label: Any, text: Any = "", *, longest: int = 500, required: bool = False) -> forms.CharField:
    widget = forms.TextInput(attrs={"class": "vTextField"})
    return forms.CharField(label=label, help_text=text, max_length=longest, required=required, widget=widget)
