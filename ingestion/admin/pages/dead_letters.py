"""Dead letters: what was rejected and why, side by side; triage, abandon, replay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from ingestion import actions, artifacts
from ingestion.actions import Actor, Selection
from ingestion.admin.kit import cells, commands
from ingestion.admin.kit.console import ConsoleAdmin
from ingestion.admin.kit.forms import ReasonForm
from ingestion.admin.kit.ownership import only_own
from ingestion.admin.kit.payloads import Preview, attachment, preview, visible
from ingestion.admin.kit.verbs import Done, OffersVerbs, Verb
from ingestion.admin.pages.causes import causes_view
from ingestion.admin.pages.dead_letter_filters import LETTER_FILTERS
from ingestion.admin.pages.replays import replay_view
from ingestion.dead_letters import causes, writing
from ingestion.models import Connection, DeadLetter


class NoteForm(forms.Form):
    """A note for colleagues."""

    required_css_class = "required"
    note = forms.CharField(label=_("Note"), max_length=2000, widget=forms.Textarea(attrs={"rows": 4, "cols": 60}))


def _replay(actor: Actor, letter: DeadLetter, values: Mapping[str, Any]) -> Done:
    (run,) = actions.replay(actor, Selection(letter.tenant, ids=[letter.pk]), reason=values["reason"])
    return Done(_("Run %s replays it.") % run.pk, show=run)


def _triage(actor: Actor, letter: DeadLetter, values: Mapping[str, Any]) -> Done:
    actions.triage(actor, letter, values["note"])
    return Done(_("The note is kept."))


def _abandon(actor: Actor, letter: DeadLetter, values: Mapping[str, Any]) -> Done:
    actions.abandon(actor, letter, values["reason"])
    return Done(_("Given up. The record stays here."))


def _settle(actor: Actor, letter: DeadLetter, values: Mapping[str, Any]) -> Done:
    actions.settle(actor, letter, values["reason"])
    return Done(_("Settled. The record stays here."))


def _reopen(actor: Actor, letter: DeadLetter, values: Mapping[str, Any]) -> Done:
    actions.reopen(actor, letter, values["reason"])
    return Done(_("It is open again."))


def _is_open(letter: DeadLetter) -> bool:
    return letter.status in DeadLetter.OPEN


def _is_given_up(letter: DeadLetter) -> bool:
    return letter.status in DeadLetter.GIVEN_UP


@admin.register(DeadLetter)
class DeadLetterAdmin(OffersVerbs, ConsoleAdmin):
    list_display = ["record", "standing", "why", "seen", "tenant", "pipeline", "stage"]
    list_filter = LETTER_FILTERS
    search_fields = ["source_id"]
    search_help_text = _("The record's own id, whole")
    sortable_by = ()
    actions = ["replay_chosen"]
    change_list_template = "ingestion/dead_letter_list.html"
    change_form_template = "ingestion/dead_letter.html"
    verbs = [
        Verb("replay", _("Replay"), "ingestion.replay_deadletter", _replay, ReasonForm, _is_open,
             _("Queues a run that takes this record through the same path again."),
             commands.replay),
        Verb("triage", _("Triage"), "ingestion.triage_deadletter", _triage, NoteForm, _is_open,
             _("Marks it as looked at, with a note for colleagues."),
             lambda letter: commands.for_letter("triage", letter, "--note", "…")),
        Verb("abandon", _("Abandon"), "ingestion.triage_deadletter", _abandon, ReasonForm, _is_open,
             _("Gives the record up. Nothing is deleted."),
             lambda letter: commands.for_letter("abandon", letter, "--reason", "…")),
        Verb("settle", _("Settle"), "ingestion.triage_deadletter", _settle, ReasonForm, _is_open,
             _("Closes it because the record is here by another way: say which. Nothing is deleted."),
             lambda letter: commands.for_letter("settle", letter, "--reason", "…")),
        Verb("reopen", _("Open again"), "ingestion.triage_deadletter", _reopen, ReasonForm, _is_given_up,
             _("Opens it again, so that it can be replayed."),
             lambda letter: commands.for_letter("reopen", letter, "--reason", "…")),
    ]  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Without the payloads: they are large, and not for everybody."""
        return super().get_queryset(request).defer("payload")

    def get_search_results(self, request: HttpRequest, queryset: Any, term: str) -> tuple[QuerySet[Any], bool]:
        """By connection and source id, because that is what the index holds."""
        if not term.strip():
            return queryset, False
        own = only_own(Connection.unscoped.all(), request.user).values("pk")
        return queryset.filter(connection__in=own, source_id=term.strip()), False

    @admin.display(description=_("record"))
    def record(self, letter: DeadLetter) -> str:
        known = [visible(text) for text in (letter.position, letter.source_id) if text]
        return cells.cut(" · ".join(known) or letter.identity[:12], 60)

    @admin.display(description=_("why"))
    def why(self, letter: DeadLetter) -> str:
        return visible(causes.cause(letter.errors)) or cells.EMPTY

    @admin.display(description=_("status"))
    def standing(self, letter: DeadLetter) -> str:
        return cells.badge(f"letter-{letter.status}", letter.get_status_display())

    @admin.display(description=_("last seen"))
    def seen(self, letter: DeadLetter) -> str:
        return cells.moment(letter.last_seen)

    @admin.action(description=_("Replay"), permissions=["replay"])
    def replay_chosen(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse:
        """To the page that confirms: with the list's own filter when all was selected, else with the ticked ids."""
        query = request.GET.urlencode()
        if request.POST.get("select_across") != "1":
            query = urlencode({"ids": ",".join(str(pk) for pk in queryset.values_list("pk", flat=True))})
        return HttpResponseRedirect(f"{reverse('admin:ingestion_deadletter_replay_matching')}?{query}")

    def has_replay_permission(self, request: HttpRequest) -> bool:
        user: Any = request.user
        return bool(user.has_perm("ingestion.replay_deadletter")) and self.has_view_permission(request)

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("causes/", wrap(self.causes), name="ingestion_deadletter_causes"),
            path("replay/", wrap(self.replay_matching), name="ingestion_deadletter_replay_matching"),
            path("<path:object_id>/payload/", wrap(self.payload), name="ingestion_deadletter_payload"),
            *super().get_urls(),
        ]

    def causes(self, request: HttpRequest) -> HttpResponse:
        return causes_view(self, request)

    def replay_matching(self, request: HttpRequest) -> HttpResponse:
        return replay_view(self, request)

    def payload(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The whole payload as a download, noted in the audit trail."""
        user: Any = request.user
        letter = self.own_object(request, object_id)
        if not user.has_perm("ingestion.view_payload"):
            raise PermissionDenied
        if letter is None:
            return self.no_such_object(request, object_id)
        try:
            data = writing.payload(letter)
        except artifacts.ArtifactDamaged as damage:
            messages.error(request, str(damage))
            return HttpResponseRedirect(reverse("admin:ingestion_deadletter_change", args=[letter.pk]))
        Actor(user).audit(letter.tenant, "download", f"payload of dead letter {letter.pk}")
        return attachment(data, f"dead-letter-{letter.pk}.bin")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        query = request.GET.copy()
        for name in ("p", "o", "all", "e"):
            query.pop(name, None)
        mine = {"may_replay": self.has_replay_permission(request), "filter_query": query.urlencode()}
        return super().changelist_view(request, {**(extra_context or {}), **mine})

    def page_context(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        return {**_page(request, obj), "verbs": self.offered(request, obj), "standing": self.standing(obj)}


def _page(request: HttpRequest, letter: DeadLetter) -> dict[str, Any]:
    user: Any = request.user
    sees = user.has_perm("ingestion.view_payload")
    errors = letter.errors if isinstance(letter.errors, list) else []
    return {
        "title": _("Dead letter %(number)s: %(record)s")
        % {"number": letter.pk, "record": visible(letter.position or letter.source_id) or letter.pipeline},
        "letter": letter,
        "sees_payload": sees,
        "preview": _preview(letter) if sees else None,
        "errors_found": [
            {name: visible(str(error.get(name, ""))) for name in ("path", "code", "message")}
            for error in errors if isinstance(error, dict)
        ],
        "facts": _facts(letter),
        "same_cause": f"{reverse('admin:ingestion_deadletter_changelist')}?fingerprint={letter.fingerprint}",
    }  # fmt: skip


def _preview(letter: DeadLetter) -> Preview:
    try:
        return preview(writing.payload(letter))
    except artifacts.ArtifactDamaged as damage:
        return Preview(str(damage), _("unreadable"), 0, 0)


def _facts(letter: DeadLetter) -> list[tuple[Any, Any]]:
    facts = [
        (_("Connection"), cells.link("connection", letter.connection_id, letter.connection)),
        (_("Source id"), visible(letter.source_id)),
        (_("Position"), visible(letter.position)),
        (_("Stage"), letter.stage),
        (_("Last seen by"), cells.link("run", letter.run_id, letter.run)),
        (_("First seen"), cells.exactly(letter.first_seen)),
        (_("Last seen"), cells.exactly(letter.last_seen)),
        (_("Times seen"), letter.times_seen),
        (_("Replay attempts"), letter.replay_attempts or ""),
        (_("Replay"), cells.link("run", letter.replay_run_id, letter.replay_run) if letter.replay_run_id else ""),
        (_("Replayed"), cells.exactly(letter.replayed_at) if letter.replayed_at else ""),
        (_("Correlation id"), visible(letter.correlation_id)),
        (_("Note"), visible(letter.note)),
    ]
    return [(label, value) for label, value in facts if value != ""]
