"""The guided form: staff declare an API without writing JSON. It writes the config that they could write by hand."""

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
from integrations.rest.form_choices import KIND_NAMES, STYLE_NAMES, UNIT_NAMES
from integrations.rest.form_fields import JsonList, JsonObject, Lines, Names, text_line, values, whole_number, yes_or_no
from integrations.rest.form_values import (
    ALIASES,
    ANSWER,
    AUTH,
    BUDGET,
    ENDING,
    LIMITS,
    PAGING,
    RECORDS,
    REQUEST,
    declaration_of,
    is_filled_in,
)
from integrations.rest.source import Rest

_SENTENCES = re.compile(r"(?<=\.) (?=`)")
_KEY = re.compile(r"`([\w.]+)`")


def _field_names(group: str, names: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"{group}_{name}" for name in names if name != "next")


class DeclareForm(forms.Form):
    """All options of a declaration, in groups; an empty field takes its default."""

    required_css_class = "required"
    tenant = forms.ModelChoiceField(Tenant.objects.none(), label=_("Tenant"))
    name = forms.SlugField(label=_("Name"), max_length=50, help_text=_("Tells this API from the tenant's others."))
    integration = forms.SlugField(
        label=_("Credential"),
        max_length=50,
        required=False,
        help_text=_("The integration whose credential is sent. Empty: the one called like the connection."),
    )

    base_url = text_line(_("Base address"), _("For example https://api.example.com/v1"), required=True)
    path = text_line(_("Path"), _("For example /orders"), longest=1000)
    method = forms.ChoiceField(
        label=_("Method"),
        choices=[("GET", "GET"), ("POST", "POST")],
        help_text=_("POST needs the credential's values methods=POST and hosts: it may change nothing at the source."),
    )
    params = Lines(
        label=_("Parameters"),
        required=False,
        help_text=_(
            "One a line, for example updated_after={window.start}. Also {window.start:seconds}, "
            "{window.start:milliseconds}, {window.start:date} and the same with end."
        ),
    )
    headers = Lines(label=_("Headers"), required=False, help_text=_("One a line. Never a credential."))
    body = JsonObject(label=_("Body"), required=False, help_text=_("JSON, for POST only."))

    records = text_line(_("Records"), _("JSONPath of the records in a page, for example $.data[*]"), required=True)
    key = Names(
        label=_("Id"),
        required=False,
        max_length=500,
        widget=forms.TextInput(attrs={"class": "vTextField"}),
        help_text=_(
            "The record's id, dotted where it lies deeper (data.id). Several with commas are one id "
            "together. Empty: records have none."
        ),
    )
    updated = text_line(_("Changed"), _("When a record changed, or its version. An older one then never wins."))
    updated_unit = forms.ChoiceField(
        label=_("A number at Changed is"),
        required=False,
        choices=list(UNIT_NAMES.items()),
        help_text=_("A number that may be a time in several units, or a counter, is refused until this is chosen."),
    )
    total = text_line(_("Total"), _("JSONPath of the number of all records, for example $.count"))
    total_header = text_line(_("Total header"), _("The same in a header, for example X-Total-Count"))

    signals = JsonList(
        label=_("Signals"),
        required=False,
        help_text=_(
            "Members that say whether an answer succeeded; the first that says no decides. For example "
            '[{"at": "$.error", "later": ["ratelimited"]}, {"at": "$.ok", "success": [true]}].'
        ),
    )
    empty = values(_("No records"), _("What stands instead of the list when there are none: null, missing, or both."))
    charset = text_line(_("Charset"), _("Of the answer, for example latin-1; UTF-8 by default."), longest=40)

    pagination_style = forms.ChoiceField(label=_("Pages"), choices=list(STYLE_NAMES.items()))
    pagination_param = text_line(_("Parameter"), _("Of the page, offset, cursor or last id. Empty: as shown above."))
    pagination_size_param = text_line(_("Size parameter"), _("For page numbers and offsets."))
    pagination_size = forms.IntegerField(label=_("Size"), required=False, min_value=1, max_value=10_000)
    pagination_next = text_line(_("Next"), _("JSONPath of the next cursor or address, for example $.meta.next"))
    pagination_more = text_line(_("More"), _("JSONPath of a truth value that says whether more pages follow."))
    pagination_pages = text_line(_("Number of pages"), _("JSONPath, for page numbers."))
    pagination_start = forms.IntegerField(label=_("First"), required=False, min_value=0, help_text=_("Page or offset."))
    pagination_rel = text_line(_("Relation"), _("In the Link header; next by default."))
    pagination_place = forms.ChoiceField(
        label=_("Sent in"), required=False, choices=[("", _("the query")), ("body", _("the body (POST)"))]
    )
    pagination_keep_origin = forms.BooleanField(
        label=_("Keep the origin"),
        required=False,
        help_text=_("For sources behind a proxy whose next addresses name an inner host or http."),
    )

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
    pagination_overlap = whole_number(
        _("Overlap"), _("Rows read again, for offsets; 0 where the source rounds."), least=0, most=50
    )

    auth_kind = forms.ChoiceField(label=_("Who asks"), choices=list(KIND_NAMES.items()))
    auth_scheme = text_line(_("Scheme"), _("The word before a bearer token; Bearer by default."))
    auth_name = text_line(_("Key's name"), _("The header or parameter of an API key; X-Api-Key by default."))
    auth_place = forms.ChoiceField(
        label=_("Key sent in"), required=False, choices=[("", _("a header")), ("query", _("the query"))]
    )
    auth_token_url = text_line(_("Token address"), _("For OAuth 2, for example https://login.example.com/oauth/token"))
    auth_scope = text_line(_("Scope"), _("For OAuth 2."))
    auth_client_auth = forms.ChoiceField(
        label=_("Client sent in"),
        required=False,
        choices=[("", _("as usual")), ("basic", _("a header")), ("body", _("the body"))],
    )
    timeout = whole_number(_("Timeout"), _("Seconds without a sign of life; 30 by default."), most=600)
    lookback = whole_number(
        _("Look back"),
        _("Seconds further than the window, where the source's clock is behind."),
        least=0,
        most=31 * 86_400,
    )
    error_budget_ratio = forms.FloatField(
        label=_("Error budget"),
        required=False,
        min_value=0,
        max_value=1,
        help_text=_("Share of rejected records above which a run fails, such as 0.1."),
    )
    error_budget_at_least = whole_number(
        _("Looked at from"), _("Records from which on that share counts; 200 by default.")
    )
    concurrency = whole_number(_("At once"), _("Pages asked for at once, for page numbers; 1 by default."), most=8)
    ahead = yes_or_no(_("Read ahead"), _("Fetch a page while the one before it is loaded."))
    drift = forms.ChoiceField(
        label=_("Changed shape"),
        required=False,
        choices=[("", _("as usual")), ("note", _("note it")), ("stop", _("stop the run")), ("ignore", _("ignore it"))],
    )
    max_pages = whole_number(_("Most pages"), _("10000 by default."), most=1_000_000)
    max_page_bytes = whole_number(_("Largest page"), _("Bytes; 16777216 by default."), least=1024)
    reason = text_line(_("Reason"), _("Kept in the audit trail."), longest=200)

    groups: Sequence[tuple[Any, Sequence[str], Sequence[str]]] = (
        (_("Connection"), ("tenant", "name", "integration"), ()),
        (_("What is asked"), ("base_url", "path", "params"), ("method", "headers", "body")),
        (_("Records"), ("records", "key", "updated"), ("total", "total_header", *ANSWER)),
        (
            _("Pages"),
            ("pagination_style", "pagination_param", "pagination_next"),
            _field_names("pagination", (*PAGING[1:], *ENDING)),
        ),
        (_("Who asks"), ("auth_kind",), _field_names("auth", AUTH)),
        (_("Limits"), ("timeout", "lookback"), (*_field_names("error_budget", BUDGET), *LIMITS[2:])),
        (_("Why"), ("reason",), ()),
    )
    """Title, fields that most APIs need, and fields that few need."""

    def __init__(self, *args: Any, user: Any, connection: Connection | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.connection = connection
        self.fields["tenant"].queryset = only_own(Tenant.objects.order_by("key"), user)  # type: ignore[attr-defined]
        if connection is not None:  # a connection keeps its tenant and its name
            del self.fields["tenant"], self.fields["name"]

    def groups_with_fields(self) -> list[dict[str, Any]]:
        """The groups for the page. Rarely used fields are unfolded where one has a value or an error."""
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
                self._show_refusal(str(error))
        return values

    def _show_refusal(self, refusal: str) -> None:
        """Show each sentence that begins with a key of the declaration beside its field, others above the form."""
        head, *reasons = _SENTENCES.split(refusal)
        if not reasons or head.startswith("`"):
            reasons.insert(0, head)
        for reason in reasons:
            self.add_error(self._field_of(reason), reason)

    def _field_of(self, reason: str) -> str | None:
        """The form's field for the key with which a reason begins; None for a key without a field."""
        key = _KEY.match(reason)
        parts = key[1].split(".") if key else []
        if len(parts) > 1:
            aliases = {
                alias: name for (style, name), alias in ALIASES.items() if style == self.data.get(f"{parts[0]}_style")
            }
            parts[1] = aliases.get(parts[1], parts[1])
        return next((name for name in ("_".join(parts[:2]), *parts[:1]) if name in self.fields), None)

    def config(self) -> dict[str, Any]:
        """The connection's whole config: the stored one, with the values of the form."""
        stored = dict(self.connection.config) if self.connection is not None else {}
        declaration = declaration_of(stored)
        cleaned = self.cleaned_data
        filled_in = {name: cleaned[name] for name in (*REQUEST, *RECORDS) if cleaned[name] or name == "key"}
        filled_in |= {name: cleaned[name] for name in (*ANSWER, *LIMITS) if is_filled_in(cleaned[name])}
        fields = (*REQUEST, *RECORDS, *filter(self._was_sent, (*ANSWER, *LIMITS)), "pagination", "auth", "error_budget")
        new_declaration = {
            **{name: value for name, value in declaration.items() if name not in fields},
            **filled_in,
            **self._error_budget(declaration),
            "pagination": self._choice_config(
                "pagination", "style", (*PAGING, *filter(self._paging_was_sent, ENDING)), declaration
            ),
            "auth": self._choice_config("auth", "kind", AUTH, declaration),
        }
        name = self.connection.name if self.connection is not None else cleaned["name"]
        return {**stored, "integration": cleaned["integration"] or integration_for(name), KEY: new_declaration}

    def _was_sent(self, name: str) -> bool:
        """Whether the submitted page had this field. A setting without a field on the page stays as it was."""
        return name in self.data

    def _paging_was_sent(self, name: str) -> bool:
        return self._was_sent(f"pagination_{name}")

    def _error_budget(self, declaration: Mapping[str, Any]) -> dict[str, Any]:
        if not any(self._was_sent(f"error_budget_{name}") for name in BUDGET):
            return {"error_budget": declaration["error_budget"]} if "error_budget" in declaration else {}
        entered = {name: self.cleaned_data[f"error_budget_{name}"] for name in BUDGET}
        budget = {name: value for name, value in entered.items() if value is not None}
        return {"error_budget": budget} if budget else {}

    def _choice_config(
        self, group: str, tag: str, fields: Sequence[str], declaration: Mapping[str, Any]
    ) -> dict[str, Any]:
        """The config of the chosen style or kind. Its settings without a field in the form stay as they were."""
        chosen = self.cleaned_data[f"{group}_{tag}"]
        cls = (STYLES if group == "pagination" else KINDS)[chosen]
        stored = declaration.get(group)
        form_names = {ALIASES.get((chosen, field), field) for field in fields} | {tag}
        config: dict[str, Any] = {}
        if isinstance(stored, dict) and stored.get(tag) == chosen:
            config = {name: value for name, value in stored.items() if name not in form_names}
        config[tag] = chosen
        for field in fields:
            name, value = ALIASES.get((chosen, field), field), self.cleaned_data[f"{group}_{field}"]
            if not is_filled_in(value) or (field == "keep_origin" and not value):
                continue
            if name in cls.model_fields:
                config[name] = value
            else:
                self.add_error(f"{group}_{field}", _("This way has no such setting; leave it empty."))
        return config
