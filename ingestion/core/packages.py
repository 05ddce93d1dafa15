"""Whether Python imports the kinds that come with the engine under their name, or a package of the project."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

KINDS = "integrations"
REMEDY = (
    "Python imports the first one that it finds. Rename yours, or move it into a package of your own "
    "(`yourproject.integrations`)."
)
_OURS = Path(__file__).resolve().parents[2] / KINDS


def hiding_place() -> str:
    """The folder of the package that hides the kinds; '' where ours are found, or none at all."""
    spec = find_spec(KINDS)
    locations = [*(spec.submodule_search_locations or ()), *filter(None, [spec.origin])] if spec else []
    folders = [Path(place).resolve() for place in locations]
    return str(folders[0]) if folders and _OURS not in folders else ""


def require_kinds(apps: Iterable[str]) -> None:
    """Raise ImproperlyConfigured where `apps`, INSTALLED_APPS, name a kind that a package of the project hides.

    Django would say that there is no module of that name, which is true and helps nobody.
    """
    kinds = {f"{KINDS}.{folder.name}" for folder in _OURS.glob("*/")}
    hidden = [app for app in apps if ".".join(app.split(".")[:2]) in kinds]
    if hidden and (place := hiding_place()):
        raise ImproperlyConfigured(
            f"INSTALLED_APPS names {hidden[0]!r}, but {place} hides the package it is in. {REMEDY}"
        )
