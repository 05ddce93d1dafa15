"""The guided form: an API declared without writing JSON. It writes the same config that staff could write by hand."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from ingestion import ConfigurationError
from ingestion.admin import only_own
from ingestion.models import Connection, Tenant
from integrations.rest.config import KEY, KINDS, STYLES, from_json, integration_for
from integrations.rest.form_fields import JsonList, JsonObject, Lines, Names, line, values, whole, yes_or_no
from integrations.rest.form_values import (
    ALIASES,
    ANSWER,
    AUTH,
    BUDGET,
    ENDING,
    LIMITS,
    PAGING,
    RECORDS,
    WHAT,
    declared_in,
    is_said,
)  # fmt: skip
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
UNIT_NAMES = {
    "": _("a time, in the unit that its size says"),
    "seconds": _("a time in seconds since 1970"),
    "milliseconds": _("a time in milliseconds"),
    "microseconds": _("a time in microseconds"),
    "nanoseconds": _("a time in nanoseconds"),
    "counter": _("a counter, no time"),
}
_SENTENCES = re.compile(r"(?<=\.) (?=`)")
_KEY = re.compile(r"`([\w.]+)`")


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

    base_url = line(_("Base address"), _("For example https://api.example.com/v1"), required=True)
    path = line(_("Path"), _("For example /orders"), longest=1000)
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

    records = line(_("Records"), _("JSONPath of the records in a page, for example $.data[*]"), required=True)
    key = Names(
        label=_("Id"), required=False, max_length=500, widget=forms.TextInput(attrs={"class": "vTextField"}),
        help_text=_("The record's id, dotted where it lies deeper (data.id). Several with commas are one id "
                    "together. Empty: records have none."),
    )  # fmt: skip
    updated = line(_("Changed"), _("When a record changed, or its version. An older one then never wins."))
    updated_unit = forms.ChoiceField(
        label=_("A number at Changed is"), required=False, choices=list(UNIT_NAMES.items()),
        help_text=_("A number that may be a time in several units, or a counter, is refused until this is chosen."),
    )  # fmt: skip
    total = line(_("Total"), _("JSONPath of the number of all records, for example $.count"))
    total_header = line(_("Total header"), _("The same in a header, for example X-Total-Count"))

    signals = JsonList(
        label=_("Signals"), required=False,
        help_text=_('Members that say whether an answer succeeded; the first that says no decides. For example '
                    '[{"at": "$.error", "later": ["ratelimited"]}, {"at": "$.ok", "success": [true]}].'),
    )  # fmt: skip
    empty = values(_("No records"), _("What stands instead of the list when there are none: null, missing, or both."))
    charset = line(_("Charset"), _("Of the answer, for example latin-1; UTF-8 by default."), longest=40)

    pagination_style = forms.ChoiceField(label=_("Pages"), choices=list(STYLE_NAMES.items()))
    pagination_param = line(_("Parameter"), _("Of the page, offset, cursor or last id. Empty: as shown above."))
    pagination_size_param = line(_("Size parameter"), _("For page numbers and offsets."))
    pagination_size = forms.IntegerField(label=_("Size"), required=False, min_value=1, max_value=10_000)
    pagination_next = line(_("Next"), _("JSONPath of the next cursor or address, for example $.meta.next"))
    pagination_more = line(_("More"), _("JSONPath of a truth value that says whether more pages follow."))
    pagination_pages = line(_("Number of pages"), _("JSONPath, for page numbers."))
    pagination_start = forms.IntegerField(label=_("First"), required=False, min_value=0, help_text=_("Page or offset."))
    pagination_rel = line(_("Relation"), _("In the Link header; next by default."))
    pagination_place = forms.ChoiceField(
        label=_("Sent in"), required=False, choices=[("", _("the query")), ("body", _("the body (POST)"))]
    )
    pagination_keep_origin = forms.BooleanField(
        label=_("Keep the origin"), required=False,
        help_text=_("For sources behind a proxy whose next addresses name an inner host or http."),
    )  # fmt: skip

    pagination_ends = values(
        _("Ends by"), _("Values at Next that say there is none, beside null and nothing: 0, -1, END.")
    )
    pagination_absent_ends = yes_or_no(_("Absence ends"), _("The last page lacks what names the next one."))
    pagination_repeat_ends = yes_or_no(_("Repetition ends"), _("The last page names itself as the next one."))
    pagination_empty_ends = yes_or_no(_("Emptiness ends"), _("A page without records is the last, whatever it names."))
    pagination_first_only = yes_or_no(_("First page only"), _("There are more pages, and they are not wanted."))
    pagination_clamped = yes_or_no(_("Last page for ever"), _("Past its last page the source gives that one again."))
    pagination_inclusive = yes_or_no(_("Inclusive"), _("A page begins with the record whose id it was asked with."))
    pagination_more_values = values(_("More: yes"), _("Values at More that promise another page; true by default."))
    pagination_last_values = values(_("More: no"), _("Values at More that say this was the last; false by default."))
    pagination_past_end = values(
        _("Past the end"), _("Statuses that a page after the last is answered with, such as 404.")
    )
    pagination_overlap = whole(
        _("Overlap"), _("Rows read again, for offsets; 0 where the source rounds."), least=0, most=50
    )

    auth_kind = forms.ChoiceField(label=_("Who asks"), choices=list(KIND_NAMES.items()))
    auth_scheme = line(_("Scheme"), _("The word before a bearer token; Bearer by default."))
    auth_name = line(_("Key's name"), _("The header or parameter of an API key; X-Api-Key by default."))
    auth_place = forms.ChoiceField(
        label=_("Key sent in"), required=False, choices=[("", _("a header")), ("query", _("the query"))]
    )
    auth_token_url = line(_("Token address"), _("For OAuth 2, for example https://login.example.com/oauth/token"))
    auth_scope = line(_("Scope"), _("For OAuth 2."))
    auth_client_auth = forms.ChoiceField(
        label=_("Client sent in"), required=False,
        choices=[("", _("as usual")), ("basic", _("a header")), ("body", _("the body"))],
    )  # fmt: skip
    timeout = whole(_("Timeout"), _("Seconds without a sign of life; 30 by default."), most=600)
    lookback = whole(
        _("Look back"),
        _("Seconds further than the window, where the source's clock is behind."),
        least=0,
        most=31 * 86_400,
    )
    error_budget_ratio = forms.FloatField(
        label=_("Error budget"), required=False, min_value=0, max_value=1,
        help_text=_("Share of rejected records above which a run fails, such as 0.1."),
    )  # fmt: skip
    error_budget_at_least = whole(_("Looked at from"), _("Records from which on that share counts; 200 by default."))
    concurrency = whole(_("At once"), _("Pages asked for at once, for page numbers; 1 by default."), most=8)
    ahead = yes_or_no(_("Read ahead"), _("Fetch a page while the one before it is loaded."))
    drift = forms.ChoiceField(
        label=_("Changed shape"), required=False,
        choices=[("", _("as usual")), ("note", _("note it")), ("stop", _("stop the run")), ("ignore", _("ignore it"))],
    )  # fmt: skip
    max_pages = whole(_("Most pages"), _("10000 by default."), most=1_000_000)
    max_page_bytes = whole(_("Largest page"), _("Bytes; 16777216 by default."), least=1024)
    reason = line(_("Reason"), _("Kept in the audit trail."), longest=200)

    groups: Sequence[tuple[Any, Sequence[str], Sequence[str]]] = (
        (_("Connection"), ("tenant", "name", "integration"), ()),
        (_("What is asked"), ("base_url", "path", "params"), ("method", "headers", "body")),
        (_("Records"), ("records", "key", "updated"), ("total", "total_header", *ANSWER)),
        (
            _("Pages"),
            ("pagination_style", "pagination_param", "pagination_next"),
            _rare("pagination", (*PAGING[1:], *ENDING)),
        ),
        (_("Who asks"), ("auth_kind",), _rare("auth", AUTH)),
        (_("Limits"), ("timeout", "lookback"), (*_rare("error_budget", BUDGET), *LIMITS[2:])),
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
                alias: name for (style, name), alias in ALIASES.items() if style == self.data.get(f"{parts[0]}_style")
            }
            parts[1] = own.get(parts[1], parts[1])
        return next((name for name in ("_".join(parts[:2]), *parts[:1]) if name in self.fields), None)

    def config(self) -> dict[str, Any]:
        """The connection's whole config: what was there before, with what the form says."""
        before = dict(self.connection.config) if self.connection is not None else {}
        known = declared_in(before)
        cleaned = self.cleaned_data
        said = {name: cleaned[name] for name in (*WHAT, *RECORDS) if cleaned[name] or name == "key"}
        said |= {name: cleaned[name] for name in (*ANSWER, *LIMITS) if is_said(cleaned[name])}
        fields = (*WHAT, *RECORDS, *filter(self._asks, (*ANSWER, *LIMITS)), "pagination", "auth", "error_budget")
        declaration = {
            **{name: value for name, value in known.items() if name not in fields},
            **said,
            **self._budget(known),
            "pagination": self._choice("pagination", "style", (*PAGING, *filter(self._asks_of_pages, ENDING)), known),
            "auth": self._choice("auth", "kind", AUTH, known),
        }
        name = self.connection.name if self.connection is not None else cleaned["name"]
        return {**before, "integration": cleaned["integration"] or integration_for(name), KEY: declaration}

    def _asks(self, name: str) -> bool:
        """Whether the page that was sent had this field: what it had no field for stays as it was."""
        return name in self.data

    def _asks_of_pages(self, name: str) -> bool:
        return self._asks(f"pagination_{name}")

    def _budget(self, known: Mapping[str, Any]) -> dict[str, Any]:
        if not any(self._asks(f"error_budget_{name}") for name in BUDGET):
            return {"error_budget": known["error_budget"]} if "error_budget" in known else {}
        said = {name: self.cleaned_data[f"error_budget_{name}"] for name in BUDGET}
        given = {name: value for name, value in said.items() if value is not None}
        return {"error_budget": given} if given else {}

    def _choice(self, group: str, tag: str, fields: Sequence[str], known: Mapping[str, Any]) -> dict[str, Any]:
        """What the chosen style or kind has of the group's fields; what the form has no field for stays as it was."""
        chosen = self.cleaned_data[f"{group}_{tag}"]
        cls = (STYLES if group == "pagination" else KINDS)[chosen]
        before = known.get(group)
        shown_names = {ALIASES.get((chosen, one), one) for one in fields} | {tag}
        same = isinstance(before, dict) and before.get(tag) == chosen
        found = {name: value for name, value in before.items() if name not in shown_names} if same and before else {}
        found[tag] = chosen
        for one in fields:
            name, value = ALIASES.get((chosen, one), one), self.cleaned_data[f"{group}_{one}"]
            if not is_said(value) or (one == "keep_origin" and not value):
                continue
            if name in cls.model_fields:
                found[name] = value
            else:
                self.add_error(f"{group}_{one}", _("This way has no such setting; leave it empty."))
        return found
