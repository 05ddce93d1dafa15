"""Verbs: what an operator can do with one object. A button, a page that confirms, one call of `ingestion.actions`.

    class RunAdmin(OffersVerbs, ConsoleAdmin):
        verbs = [Verb("cancel", _("Cancel"), "ingestion.cancel_run", cancel, ReasonForm)]

Works without JavaScript: the button is a link, the confirmation a form, the change a POST.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _

from ingestion.actions import Actor
from ingestion.admin.kit.forms import OptionalReasonForm
from ingestion.admin.kit.scoped import TenantScoped
from ingestion.core.errors import IngestionError
from ingestion.redaction import mask


@dataclass(frozen=True, slots=True)
class Done:
    """The result of a verb: a sentence, and the object whose page to show next (None: the same object)."""

    message: Any
    show: Any = None


def always(obj: Any) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Verb:
    """One thing to do. `perform` gets the actor, the object and the form's values; ActionRefused is shown."""

    name: str
    """Ends the URL: `<id>/<name>/`."""
    label: Any
    permission: str
    """With its app: "ingestion.cancel_run". Asked here for the button; the action asks again, with the tenant."""
    perform: Callable[[Actor, Any, Mapping[str, Any]], Done]
    form: type[forms.Form] = OptionalReasonForm
    applies: Callable[[Any], bool] = always
    """Whether the button is shown; the action itself decides what is possible."""
    explain: Any = ""
    """What will happen, on the confirmation page."""
    command: Callable[[Any], str] | None = None
    """The same as a shell command."""
    initial: Callable[[Any], Mapping[str, Any]] | None = None
    """What the form holds at first."""
    preview: Callable[[Any, Mapping[str, Any]], Sequence[str]] | None = None
    """Lines that say what exactly will happen with the form's values. They are shown first and confirmed then."""


class OffersVerbs(TenantScoped):
    """A tenant-scoped ModelAdmin with `verbs`."""

    verbs: Sequence[Verb] = ()

    def get_urls(self) -> list[URLPattern]:
        return [
            *(
                path(
                    f"<path:object_id>/{verb.name}/",
                    self.admin_site.admin_view(partial(self.verb_view, verb=verb)),
                    name=f"{self.opts.app_label}_{self.opts.model_name}_{verb.name}",
                )
                for verb in self.verbs
            ),
            *super().get_urls(),
        ]

    def offered(self, request: HttpRequest, obj: Any) -> list[Mapping[str, Any]]:
        """Label and address of each verb that the user may use on `obj` now."""
        user: Any = request.user
        return [
            {"label": verb.label, "url": self._url(verb.name, obj)}
            for verb in self.verbs
            if user.has_perm(verb.permission) and verb.applies(obj)
        ]

    def verb_view(self, request: HttpRequest, object_id: str, verb: Verb) -> HttpResponse:
        user: Any = request.user
        obj = self.own_object(request, object_id)
        if not user.has_perm(verb.permission):
            raise PermissionDenied
        if obj is None:
            return self.no_such_object(request, object_id)
        initial = dict(verb.initial(obj)) if verb.initial else None
        form = verb.form(request.POST if request.method == "POST" else None, initial=initial)
        preview_lines: Sequence[str] = ()
        if request.method == "POST" and form.is_valid():
            if verb.preview is not None and request.POST.get("seen") != _digest(form):
                preview_lines = self._preview(verb.preview, obj, form)
            elif (outcome := self._perform(request, verb, obj, form)) is not None:
                messages.success(request, outcome.message)
                return HttpResponseRedirect(self._page_of(outcome.show or obj))
        return self._confirm(request, verb, obj, form, preview_lines)

    def _preview(self, preview: Callable[[Any, Any], Sequence[str]], obj: Any, form: forms.Form) -> Sequence[str]:
        try:
            return preview(obj, form.cleaned_data)
        except IngestionError as refusal:
            form.add_error(None, str(refusal))
            return ()

    def _perform(self, request: HttpRequest, verb: Verb, obj: Any, form: forms.Form) -> Done | None:
        try:
            return verb.perform(Actor(request.user), obj, form.cleaned_data)  # type: ignore[arg-type]
        except IngestionError as refusal:
            form.add_error(None, mask(str(refusal)))  # a source under test may say anything
            return None

    def _confirm(
        self, request: HttpRequest, verb: Verb, obj: Any, form: forms.Form, preview: Sequence[str]
    ) -> HttpResponse:
        form.visible_fields()[0].field.widget.attrs["autofocus"] = True
        context = {
            **self.admin_site.each_context(request),
            "title": _("%(verb)s: %(object)s") % {"verb": verb.label, "object": obj},
            "opts": self.opts,
            "obj": obj,
            "object_url": self._page_of(obj),
            "verb": verb,
            "command": verb.command(obj) if verb.command else "",
            "form": form,
            "preview": preview,
            "seen": _digest(form) if preview else "",
        }
        return TemplateResponse(request, "ingestion/confirm.html", context)

    def _url(self, name: str, obj: Any) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_{name}", args=[obj.pk])

    def _page_of(self, obj: Any) -> str:
        opts = obj._meta
        return reverse(f"admin:{opts.app_label}_{opts.model_name}_change", args=[obj.pk])


def _digest(form: forms.Form) -> str:
    """What a preview was shown for: with other values it is shown anew. The reason decides nothing."""
    values = {name: value for name, value in form.cleaned_data.items() if name != "reason"}
    return hashlib.sha256(repr(sorted(values.items())).encode()).hexdigest()[:32]
