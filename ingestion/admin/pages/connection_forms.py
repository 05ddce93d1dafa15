"""The forms of connections: connect, configure, rewind."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from ingestion.actions.config_secrets import refuse_secrets
from ingestion.actions.connections import check_config
from ingestion.actions.schedules import require_runs
from ingestion.admin.kit.forms import ReasonForm, TenantForm
from ingestion.admin.pages.schedule_forms import ScheduleFields
from ingestion.core import registry
from ingestion.core.config_text import why_no_json
from ingestion.core.configs import require_json
from ingestion.core.duplicate_names import doubled_error
from ingestion.core.errors import ActionRefused, IngestionError
from ingestion.core.pipeline import Pipeline
from ingestion.models import Connection


class _Indented(json.JSONEncoder):
    """One value a line: Django's form field hands its encoder no indent."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "indent": 2})


def _explain(form: Any) -> None:
    """Let the field say where what was written stops being JSON, not only that it does."""
    written = form.data.get(form.add_prefix("config"), "") if form.is_bound else ""
    if why := why_no_json(written):
        form.fields["config"].error_messages["invalid"] = why


class _Readable(json.JSONDecoder):
    """What cannot be read, or written again, is no JSON; Django would fail over a deep value or a long number."""

    def decode(self, s: str, *args: Any) -> Any:
        try:
            value = super().decode(s, *args)
            json.dumps(value, ensure_ascii=False).encode()  # as the page will show it again: not half a character
            return value
        except json.JSONDecodeError:
            raise
        except (ValueError, RecursionError) as error:
            raise json.JSONDecodeError(str(error), s, 0) from error


def _config(form: Any, connection: Connection) -> dict[str, Any]:
    """The config that was written into `form`, as a run of `connection` can use it. Raises ValidationError."""
    config = form.cleaned_data["config"]
    written = form.data.get(form.add_prefix("config"), "")  # Django's field keeps the last value of a doubled name
    if error := doubled_error(written.encode("utf-8", "surrogatepass")):
        raise ValidationError(str(error))
    if config in (None, ""):
        config = {}
    if not isinstance(config, dict):
        raise ValidationError(_('Write a JSON object, for example {"account": "NL69INGB0123456789"}.'))
    try:
        require_json(config)
        refuse_secrets(connection, config)
        check_config(connection.pipeline, config, connection.config.keys())
    except IngestionError as error:
        raise ValidationError(str(error)) from error
    return config


class ConnectForm(ScheduleFields, TenantForm):
    """Which tenant shall use which pipeline, and when."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(pipeline.name, f"{pipeline.name}: {pipeline.title}") for pipeline in self._offered()]
        self.fields["pipeline"] = forms.ChoiceField(label=_("Pipeline"), choices=choices)
        config: Any = self.fields["config"]
        config.decoder = _Readable
        config.required, config.widget.attrs["rows"] = False, 4
        _explain(self)
        config.help_text = _("What the pipeline needs to know of this connection, as JSON; for most nothing.")

    def _offered(self) -> list[Pipeline]:
        """Pipelines for a tenant that can be chosen; of the others not even the name is anybody's business."""
        pipelines = registry.registered()
        if all(pipeline.tenants is None for pipeline in pipelines):
            return pipelines
        tenant_field: Any = self.fields["tenant"]
        keys = list(tenant_field.queryset.values_list("key", flat=True))
        return [pipeline for pipeline in pipelines if any(map(pipeline.serves, keys))]

    def clean(self) -> dict[str, Any]:
        values = super().clean()
        tenant, pipeline = values.get("tenant"), values.get("pipeline")
        if tenant is not None and pipeline and not registry.get(pipeline).serves(tenant.key):
            self.add_error("pipeline", ValidationError(_("This pipeline is not for this tenant."), code="tenant"))
        try:
            require_runs(pipeline or "", values.get("declared"))
        except ActionRefused as refused:
            self.add_error("due", str(refused))
        if tenant is not None and pipeline and "config" in values:
            try:
                values["config"] = _config(self, Connection(tenant=tenant, pipeline=pipeline))
            except ValidationError as refused:
                self.add_error("config", refused)
        return values


class ConfigForm(TenantForm):
    """The settings that the pipeline's source reads."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "config" in self.fields:
            _explain(self)
            field: Any = self.fields["config"]
            field.encoder, field.decoder = _Indented, _Readable
            field.widget.attrs["rows"] = min(24, max(6, field.prepare_value(self.instance.config).count("\n") + 1))

    def clean_config(self) -> dict[str, Any]:
        return _config(self, self.instance)


class RewindForm(ReasonForm):
    """Where the next window shall start."""

    to = forms.DateTimeField(
        label=_("Start again from"),
        help_text=_("In the console's time zone, for example 2026-01-31 00:00."),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local", "class": "vTextField"}, format="%Y-%m-%dT%H:%M"),
    )
    field_order = ("to", "reason")
