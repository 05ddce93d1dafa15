"""Versions that were times in milliseconds or nanoseconds become microseconds, as those in seconds always were."""

from __future__ import annotations

from typing import Any

from django.db import migrations
from django.db.models import F

_FROM, _UNTIL = 946_684_800 * 10**9, 4_102_444_800 * 10**9
"""2000 to 2100, a thousand times what they are in microseconds."""


def in_microseconds(apps: Any, schema_editor: Any) -> None:
    """Backwards nothing is done: what a source gives next is then larger, and so newer."""
    rows = apps.get_model("rest", "RestRecord")._base_manager.using(schema_editor.connection.alias)
    if schema_editor.connection.vendor == "mysql":
        rows.filter(version__gte=_FROM, version__lt=_UNTIL).update(version=(F("version") - F("version") % 1000) / 1000)
    else:
        rows.filter(version__gte=_FROM, version__lt=_UNTIL).update(version=F("version") / 1000)


class Migration(migrations.Migration):
    dependencies = [("rest", "0003_names_of_values")]
    operations = [migrations.RunPython(in_microseconds, migrations.RunPython.noop)]
