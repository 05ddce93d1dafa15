"""Fields of the public values, as the reference lists them: name, type, default and the text below each."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterator
from typing import Any

from tests.docs import docstrings


def of(module: Any) -> dict[str, type]:
    """The dataclasses and NamedTuples that `module` exports, errors left out."""
    classes = {name: getattr(module, name) for name in module.__all__ if inspect.isclass(getattr(module, name))}
    return {name: cls for name, cls in classes.items() if fields(cls) and not issubclass(cls, Exception)}


def fields(cls: Any) -> dict[str, tuple[str, Any]]:
    """The type and default of each public field that somebody may give; no default is `dataclasses.MISSING`."""
    types: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        for name, kind in vars(base).get("__annotations__", {}).items():
            types[name] = getattr(kind, "__forward_arg__", kind)
    if issubclass(cls, tuple):
        defaults = getattr(cls, "_field_defaults", {})
        return {name: (types[name], defaults.get(name, dataclasses.MISSING)) for name in getattr(cls, "_fields", ())}
    if not dataclasses.is_dataclass(cls):
        return {}
    given = [field for field in dataclasses.fields(cls) if field.init and not field.name.startswith("_")]
    return {field.name: (types[field.name], _default(field)) for field in given}


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


def sections(module: Any) -> Iterator[str]:
    """A heading and a list for each value."""
    for name, cls in of(module).items():
        texts = docstrings.of_fields(cls)
        lines = [_line(field, *shape, texts.get(field, "")) for field, shape in fields(cls).items()]
        yield f"### `{name}`\n\n" + "\n".join(lines) + "\n"


def _line(name: str, kind: str, default: Any, text: str) -> str:
    given = "" if default is dataclasses.MISSING or callable(default) else f" = {_shown(default)}"
    return f"- `{name}: {kind}{given}`: {' '.join(text.split())}"


def _shown(value: Any) -> str:
    text = repr(value)
    return text.replace("datetime.", "").replace("'", '"')
