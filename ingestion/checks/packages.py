"""Are the kinds that come with the engine the ones that Python imports under their name?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core import checks
from django.core.checks import CheckMessage

from ingestion.checks.guarding import check
from ingestion.core.packages import REMEDY, hiding_place


@check()
def check_packages(app_configs: Sequence[Any] | None = None, **kwargs: Any) -> list[CheckMessage]:
    if not (place := hiding_place()):
        return []
    problem = f"{place} hides the package `integrations` that comes with the engine: no kind can be imported."
    return [checks.Warning(problem, hint=REMEDY, id="ingestion.W016")]
