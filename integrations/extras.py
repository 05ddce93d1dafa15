"""The extras of the distribution that kinds need beside the engine. Where one is missing the import says which."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec

_HTTP = ("httpcore", "httpx", "tenacity")
MODULES: Mapping[str, tuple[str, ...]] = {
    "bank": ("defusedxml",),
    "http": _HTTP,
    "rest": (*_HTTP, "jsonpath"),
    "stripe": (*_HTTP, "stripe"),
}
"""What each extra brings, by the names that are imported."""


def need(extra: str) -> None:
    """Raises ModuleNotFoundError, with the line that installs it, where a module of the extra is missing."""
    if missing := [module for module in MODULES[extra] if find_spec(module) is None]:
        raise ModuleNotFoundError(
            f"Not installed: {', '.join(missing)}. The extra {extra!r} brings it: "
            f"pip install 'django-sluicegate[{extra}]'",
            name=missing[0],
        )
