"""The guided form: an API declared without writing JSON. It writes the same config that staff could write by hand."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from ingestion import ConfigurationError
from ingestion.admin import only_own
from ingestion.models import Connection, Tenant
from integrations.rest.config import KEY, KINDS, STYLES, from_json
from integrations.rest.source import Rest

STYLE_NAMES = {
    "none": _("No pages: one call brings everything"),
    "page": _("Page numbers (?page=2)"),
    "offset": _("Offset and limit (?offset=100&limit=100)"),
    "cursor": _("A cursor in the page (?cursor=…)"),
    "next_url": _("The next page's address in the page"),
    "link_header": _("The next page's address in a Link header"),
    "since_id": _("After the last record's id (?after=…)"),
}
KIND_NAMES = {
    "none": _("Nothing is sent: the API is open"),
    "bearer": _("Bearer token (credential: token)"),
    "basic": _("User name and password (credential: username, password)"),
    "api_key": _("API key in a header or the query (credential: key)"),
    "client_credentials": _("OAuth 2 client credentials (credential: client_id, client_secret)"),
    "refresh_token": _("OAuth 2 refresh token (credential: refresh_token, client_id, client_secret)"),
}
_PAGING = ("param", "size_param", "size", "next", "more", "pages", "start", "rel", "place", "keep_origin")
_AUTH = ("scheme", "name", "place", "token_url", "scope", "client_auth")
_WHAT = ("base_url", "path", "method", "params", "headers", "body")
_RECORDS = ("records", "key", "updated", "total", "total_header")
_ALIASES = {("offset", "size"): "limit", ("offset", "size_param"): "limit_param"}
"""What the form's one field is called in each style."""
_SENTENCES = re.compile(r"(?<=\.) (?=`)")
_KEY = re.compile(r"`([\w.]+)`")


class Lines(forms.CharField):
    """One `name=value` a line."""

    widget = forms.Textarea(attrs={"rows": 3, "cols": 60})

    def clean(self, value: Any) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for line in filter(None, (line.strip() for line in (super().clean(value) or "").splitlines())):
            name, equals, text = line.partition("=")
            if not equals or not name.strip():
                raise ValidationError(_("“%(line)s” is not name=value."), params={"line": line[:60]})
            known = found.get(name.strip())
            earlier = known if isinstance(known, list) else [known] if known is not None else []
            found[name.strip()] = [*earlier, text.strip()] if earlier else text.strip()
        return found


class JsonObject(forms.CharField):
    """A JSON object, or nothing."""

    widget = forms.Textarea(attrs={"rows": 4, "cols": 60})

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if not text:
            return None
        try:
            found = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ValidationError(_("This is not JSON.")) from error
        if not isinstance(found, dict):
            raise ValidationError(_("Write a JSON object."))
        return found


def _text(label: Any, text: Any = "", *, longest: int = 500, required: bool = False) -> forms.CharField:
    wide = forms.TextInput(attrs={"class": "vTextField"})
    return forms.CharField(label=label, help_text=text, max_length=longest, required=required, widget=wide)


def _rare(group: str, names: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"{group}_{name}" for name in names if name != "next")


class DeclareForm(forms.Form):
    """Everything a declaration says, in four groups; what is left empty takes its default."""

    required_css_class = "required"
    tenant = forms.ModelChoiceField(Tenant.objects.none(), label=_("Tenant"))
    name = forms.SlugField(label=_("Name"), max_length=50, help_text=_("Tells this API from the tenant's others."))
    integration = forms.SlugField(
        label=_("Credential"), max_length=50, required=False,
        help_text=_("The integration whose credential is sent. Empty: the one called like the connection."),
    )  # fmt: skip

    base_url = _text(_("Base address"), _("For example https://api.example.com/v1"), required=True)
    path = _text(_("Path"), _("For example /orders"), longest=1000)
    method = forms.ChoiceField(
        label=_("Method"), choices=[("GET", "GET"), ("POST", "POST")],
        help_text=_("POST needs the credential's values methods=POST and hosts: it may change nothing at the source."),
    )  # fmt: skip
    params = Lines(
        label=_("Parameters"), required=False,
        help_text=_("One a line, for example updated_after={window.start}. Also {window.start:seconds}, "
                    "{window.start:milliseconds}, {window.start:date} and the same with end."),
    )  # fmt: skip
    headers = Lines(label=_("Headers"), required=False, help_text=_("One a line. Never a credential."))
    body = JsonObject(label=_("Body"), required=False, help_text=_("JSON, for POST only."))

    records = _text(_("Records"), _("JSONPath of the records in a page, for example $.data[*]"), required=True)
    key = _text(_("Id"), _("The record's id, dotted where it lies deeper (data.id). Empty: records have none."))
    updated = _text(_("Changed"), _("When a record changed, or its version. An older one then never wins."))
    total = _text(_("Total"), _("JSONPath of the number of all records, for example $.count"))
    total_header = _text(_("Total header"), _("The same in a header, for example X-Total-Count"))

    pagination_style = forms.ChoiceField(label=_("Pages"), choices=list(STYLE_NAMES.items()))
    pagination_param = _text(_("Parameter"), _("Of the page, offset, cursor or last id. Empty: as shown above."))
    pagination_size_param = _text(_("Size parameter"), _("For page numbers and offsets."))
    pagination_size = forms.IntegerField(label=_("Size"), required=False, min_value=1, max_value=10_000)
    pagination_next = _text(_("Next"), _("JSONPath of the next cursor or address, for example $.meta.next"))
    pagination_more = _text(_("More"), _("JSONPath of a truth value that says whether more pages follow."))
    pagination_pages = _text(_("Number of pages"), _("JSONPath, for page numbers."))
    pagination_start = forms.IntegerField(label=_("First"), required=False, min_value=0, help_text=_("Page or offset."))
    pagination_rel = _text(_("Relation"), _("In the Link header; next by default."))
    pagination_place = forms.ChoiceField(
        label=_("Sent in"), required=False, choices=[("", _("the query")), ("body", _("the body (POST)"))]
    )
    pagination_keep_origin = forms.BooleanField(
        label=_("Keep the origin"), required=False,
        help_text=_("For sources behind a proxy whose next addresses name an inner host or http."),
    )  # fmt: skip

    auth_kind = forms.ChoiceField(label=_("Who asks"), choices=list(KIND_NAMES.items()))
    auth_scheme = _text(_("Scheme"), _("The word before a bearer token; Bearer by default."))
    auth_name = _text(_("Key's name"), _("The header or parameter of an API key; X-Api-Key by default."))
    auth_place = forms.ChoiceField(
        label=_("Key sent in"), required=False, choices=[("", _("a header")), ("query", _("the query"))]
    )
    auth_token_url = _text(_("Token address"), _("For OAuth 2, for example https://login.example.com/oauth/token"))
    auth_scope = _text(_("Scope"), _("For OAuth 2."))
    auth_client_auth = forms.ChoiceField(
        label=_("Client sent in"), required=False,
        choices=[("", _("as usual")), ("basic", _("a header")), ("body", _("the body"))],
    )  # fmt: skip
    reason = _text(_("Reason"), _("Kept in the audit trail."), longest=200)

    groups: Sequence[tuple[Any, Sequence[str], Sequence[str]]] = (
        (_("Connection"), ("tenant", "name", "integration"), ()),
        (_("What is asked"), ("base_url", "path", "params"), ("method", "headers", "body")),
        (_("Records"), ("records", "key", "updated"), ("total", "total_header")),
        (_("Pages"), ("pagination_style", "pagination_param", "pagination_next"), _rare("pagination", _PAGING[1:])),
        (_("Who asks"), ("auth_kind",), _rare("auth", _AUTH)),
        (_("Why"), ("reason",), ()),
    )
    """Title, what most need, and what few need."""

    def __init__(self, *args: Any, user: Any, connection: Connection | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.connection = connection
        self.fields["tenant"].queryset = only_own(Tenant.objects.order_by("key"), user)  # type: ignore[attr-defined]
        if connection is not None:  # a connection keeps its tenant and its name
            del self.fields["tenant"], self.fields["name"]

    def shown(self) -> list[dict[str, Any]]:
        """The groups for the page; what few need is open where it holds or lacks something."""
        return [
            {
                "title": title,
                "fields": [self[name] for name in names if name in self.fields],
                "more": [self[name] for name in more],
                "open": any(self[name].errors or self[name].value() not in (None, "", False, "GET") for name in more),
            }
            for title, names, more in self.groups
        ]

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        if not self.errors:
            try:
                from_json(Rest, self.config()[KEY])
            except ConfigurationError as error:
                self._place(str(error))
        return values

    def _place(self, refusal: str) -> None:
        """Each sentence that begins with a key of the declaration beside its field, the rest above the form."""
        head, *reasons = _SENTENCES.split(refusal)
        if not reasons or head.startswith("`"):
            reasons.insert(0, head)
        for reason in reasons:
            self.add_error(self._field_of(reason), reason)

    def _field_of(self, reason: str) -> str | None:
        key = _KEY.match(reason)
        parts = key[1].split(".") if key else []
        if len(parts) > 1:
            own = {
                alias: name for (style, name), alias in _ALIASES.items() if style == self.data.get(f"{parts[0]}_style")
            }
            parts[1] = own.get(parts[1], parts[1])
        return next((name for name in ("_".join(parts[:2]), *parts[:1]) if name in self.fields), None)

    def config(self) -> dict[str, Any]:
        """The connection's whole config: what was there before, with what the form says."""
        before = dict(self.connection.config) if self.connection is not None else {}
        known = _declared(before)
        values = self.cleaned_data
        said = {name: values[name] for name in (*_WHAT, *_RECORDS) if values[name] or name == "key"}
        kept = {name: value for name, value in known.items() if name not in (*_WHAT, *_RECORDS, "pagination", "auth")}
        declaration = {
            **kept,
            **said,
            "pagination": self._choice("pagination", "style", _PAGING, STYLES, known),
            "auth": self._choice("auth", "kind", _AUTH, KINDS, known),
        }
        name = self.connection.name if self.connection is not None else values["name"]
        return {**before, "integration": values["integration"] or name or "rest", KEY: declaration}

    def _choice(
        self, group: str, tag: str, fields: Sequence[str], classes: Mapping[str, Any], known: Mapping[str, Any]
    ) -> dict[str, Any]:
        """What the chosen style or kind has of the group's fields; what the form has no field for stays as it was."""
        chosen = self.cleaned_data[f"{group}_{tag}"]
        cls = classes[chosen]
        before = known.get(group)
        shown = {_ALIASES.get((chosen, one), one) for one in fields} | {tag}
        same = isinstance(before, dict) and before.get(tag) == chosen
        found = {name: value for name, value in before.items() if name not in shown} if same and before else {}
        found[tag] = chosen
        for one in fields:
            name, value = _ALIASES.get((chosen, one), one), self.cleaned_data[f"{group}_{one}"]
            if value not in ("", None, False) and name in cls.model_fields:
                found[name] = value
            elif value not in ("", None, False):
                self.add_error(f"{group}_{one}", _("This way has no such setting; leave it empty."))
        return found


def initial(connection: Connection) -> dict[str, Any]:
    """The form's values for what a connection declares now; what it does not understand is left out."""
    config = connection.config
    known = _declared(config)
    return {"integration": config.get("integration", ""), **dict(_initial(known))}


def _declared(config: Mapping[str, Any]) -> dict[str, Any]:
    found = config.get(KEY)
    return found if isinstance(found, dict) else {}


def _initial(known: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name in (*_WHAT, *_RECORDS):
        value = known.get(name)
        if name in ("params", "headers") and isinstance(value, dict):
            each = [(key, one) for key, many in value.items() for one in (many if isinstance(many, list) else [many])]
            yield name, "\n".join(f"{key}={str(one).lower() if isinstance(one, bool) else one}" for key, one in each)
        elif name == "body" and value is not None:
            yield name, json.dumps(value, indent=2, ensure_ascii=False)
        elif name == "key":
            yield name, "id" if value is None else value
        elif value is not None:
            yield name, value
    for group, tag, fields in (("pagination", "style", _PAGING), ("auth", "kind", _AUTH)):
        chosen = known.get(group)
        if isinstance(chosen, dict):
            yield f"{group}_{tag}", chosen.get(tag, "")
            for one in fields:
                yield f"{group}_{one}", chosen.get(_ALIASES.get((str(chosen.get(tag)), one), one), "")
