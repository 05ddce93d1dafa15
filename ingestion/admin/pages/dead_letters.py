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


def _replay(actor: Actor, dead_letter: DeadLetter, values: Mapping[str, Any]) -> Done:
    (run,) = actions.replay(actor, Selection(dead_letter.tenant, ids=[dead_letter.pk]), reason=values["reason"])
    return Done(_("Run %s replays it.") % run.pk, show=run)


def _triage(actor: Actor, dead_letter: DeadLetter, values: Mapping[str, Any]) -> Done:
    actions.triage(actor, dead_letter, values["note"])
    return Done(_("The note is kept."))


def _abandon(actor: Actor, dead_letter: DeadLetter, values: Mapping[str, Any]) -> Done:
    actions.abandon(actor, dead_letter, values["reason"])
    return Done(_("Given up. The record stays here."))


def _settle(actor: Actor, dead_letter: DeadLetter, values: Mapping[str, Any]) -> Done:
    actions.settle(actor, dead_letter, values["reason"])
    return Done(_("Settled. The record stays here."))


def _reopen(actor: Actor, dead_letter: DeadLetter, values: Mapping[str, Any]) -> Done:
    actions.reopen(actor, dead_letter, values["reason"])
    return Done(_("It is open again."))


def _is_open(dead_letter: DeadLetter) -> bool:
    return dead_letter.status in DeadLetter.OPEN


def _is_given_up(dead_letter: DeadLetter) -> bool:
    return dead_letter.status in DeadLetter.GIVEN_UP


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
             lambda dead_letter: commands.for_letter("triage", dead_letter, "--note", "…")),
        Verb("abandon", _("Abandon"), "ingestion.triage_deadletter", _abandon, ReasonForm, _is_open,
             _("Gives the record up. Nothing is deleted."),
             lambda dead_letter: commands.for_letter("abandon", dead_letter, "--reason", "…")),
        Verb("settle", _("Settle"), "ingestion.triage_deadletter", _settle, ReasonForm, _is_open,
             _("Closes it because the record is here by another way: say which. Nothing is deleted."),
             lambda dead_letter: commands.for_letter("settle", dead_letter, "--reason", "…")),
        Verb("reopen", _("Open again"), "ingestion.triage_deadletter", _reopen, ReasonForm, _is_given_up,
             _("Opens it again, so that it can be replayed."),
             lambda dead_letter: commands.for_letter("reopen", dead_letter, "--reason", "…")),
    ]  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Leaves out the payloads: they are large, and not every user may see them."""
        return super().get_queryset(request).defer("payload")

    def get_search_results(self, request: HttpRequest, queryset: Any, term: str) -> tuple[QuerySet[Any], bool]:
        """By connection and source id, because that is what the index holds."""
        if not term.strip():
            return queryset, False
        connections = only_own(Connection.unscoped.all(), request.user).values("pk")
        return queryset.filter(connection__in=connections, source_id=term.strip()), False

    @admin.display(description=_("record"))
    def record(self, dead_letter: DeadLetter) -> str:
        names = [visible(text) for text in (dead_letter.position, dead_letter.source_id) if text]
        return cells.cut(" · ".join(names) or dead_letter.identity[:12], 60)

    @admin.display(description=_("why"))
    def why(self, dead_letter: DeadLetter) -> str:
        return visible(causes.cause(dead_letter.errors)) or cells.EMPTY

    @admin.display(description=_("status"))
    def standing(self, dead_letter: DeadLetter) -> str:
        return cells.badge(f"letter-{dead_letter.status}", dead_letter.get_status_display())

    @admin.display(description=_("last seen"))
    def seen(self, dead_letter: DeadLetter) -> str:
        return cells.moment(dead_letter.last_seen)

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
        dead_letter = self.own_object(request, object_id)
        if not user.has_perm("ingestion.view_payload"):
            raise PermissionDenied
        if dead_letter is None:
            return self.no_such_object(request, object_id)
        try:
            data = writing.payload(dead_letter)
        except artifacts.ArtifactDamaged as damage:
            messages.error(request, str(damage))
            return HttpResponseRedirect(reverse("admin:ingestion_deadletter_change", args=[dead_letter.pk]))
        Actor(user).audit(dead_letter.tenant, "download", f"payload of dead letter {dead_letter.pk}")
        return attachment(data, f"dead-letter-{dead_letter.pk}.bin")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        query = request.GET.copy()
        for name in ("p", "o", "all", "e"):
            query.pop(name, None)
        replay_context = {"may_replay": self.has_replay_permission(request), "filter_query": query.urlencode()}
        return super().changelist_view(request, {**(extra_context or {}), **replay_context})

    def page_context(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        return {**_page(request, obj), "verbs": self.offered(request, obj), "standing": self.standing(obj)}


def _page(request: HttpRequest, dead_letter: DeadLetter) -> dict[str, Any]:
    user: Any = request.user
    sees = user.has_perm("ingestion.view_payload")
    errors = dead_letter.errors if isinstance(dead_letter.errors, list) else []
    record = visible(dead_letter.position or dead_letter.source_id) or dead_letter.pipeline
    return {
        "title": _("Dead letter %(number)s: %(record)s") % {"number": dead_letter.pk, "record": record},
        "dead_letter": dead_letter,
        "sees_payload": sees,
        "preview": _preview(dead_letter) if sees else None,
        "errors_found": [
            {name: visible(str(error.get(name, ""))) for name in ("path", "code", "message")}
            for error in errors if isinstance(error, dict)
        ],
        "facts": _facts(dead_letter),
        "same_cause": f"{reverse('admin:ingestion_deadletter_changelist')}?fingerprint={dead_letter.fingerprint}",
    }  # fmt: skip


def _preview(dead_letter: DeadLetter) -> Preview:
    try:
        return preview(writing.payload(dead_letter))
    except artifacts.ArtifactDamaged as damage:
        return Preview(str(damage), _("unreadable"), 0, 0)


def _facts(dead_letter: DeadLetter) -> list[tuple[Any, Any]]:
    facts = [
        (_("Connection"), cells.link("connection", dead_letter.connection_id, dead_letter.connection)),
        (_("Source id"), visible(dead_letter.source_id)),
        (_("Position"), visible(dead_letter.position)),
        (_("Stage"), dead_letter.stage),
        (_("Last seen by"), cells.link("run", dead_letter.run_id, dead_letter.run)),
        (_("First seen"), cells.exactly(dead_letter.first_seen)),
        (_("Last seen"), cells.exactly(dead_letter.last_seen)),
        (_("Times seen"), dead_letter.times_seen),
        (_("Replay attempts"), dead_letter.replay_attempts or ""),
        (
            _("Replay"),
            cells.link("run", dead_letter.replay_run_id, dead_letter.replay_run) if dead_letter.replay_run_id else "",
        ),
        (_("Replayed"), cells.exactly(dead_letter.replayed_at) if dead_letter.replayed_at else ""),
        (_("Correlation id"), visible(dead_letter.correlation_id)),
        (_("Note"), visible(dead_letter.note)),
    ]
    return [(label, value) for label, value in facts if value != ""]
