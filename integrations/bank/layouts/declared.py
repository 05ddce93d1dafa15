"""A layout from JSON, for connections whose bank has none in code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any

from ingestion import ConfigurationError
from integrations.bank.layouts.check import did_you_mean, type_fault
from integrations.bank.layouts.layout import Columns, CsvLayout, Preamble
from integrations.bank.layouts.patterns import refuse_slow_patterns

_GROUPS: dict[str, type[Columns] | type[Preamble]] = {"columns": Columns, "preamble": Preamble}


def layout_from_mapping(raw: Mapping[str, object], *, trusted: bool = True) -> CsvLayout:
    """The same keys as `CsvLayout`, lists for tuples. Raises ConfigurationError naming the key.

    One that is not `trusted` comes from a form: its patterns may not be able to keep a worker busy for long.
    """
    values = _checked(raw, CsvLayout, "")
    for key, group in _GROUPS.items():
        if key in values:
            values[key] = group(**_checked(values[key], group, f"{key}."))
    layout = CsvLayout(**values)
    if not trusted:
        refuse_slow_patterns(layout)
    return layout


def _checked(raw: object, target: type[Columns] | type[Preamble] | type[CsvLayout], prefix: str) -> dict[str, Any]:
    if not isinstance(raw, Mapping):
        raise ConfigurationError(f"CSV layout: `{prefix.rstrip('.') or 'layout'}` must be an object with keys.")
    specs = {spec.name: spec for spec in fields(target)}
    for key in raw:
        if key not in specs:
            raise ConfigurationError(f"CSV layout: unknown key `{prefix}{key}`.{did_you_mean(str(key), specs)}")
    for name, spec in specs.items():
        if name not in raw and spec.default is MISSING and spec.default_factory is MISSING:
            raise ConfigurationError(f"CSV layout: key `{prefix}{name}` is missing.")
    return {key: _value(raw[key], str(specs[key].type), prefix + key) for key in raw}


def _value(value: object, type_name: str, key: str) -> object:
    if fault := type_fault(value, type_name):
        raise ConfigurationError(f"CSV layout: `{key}` {fault}.")
    return tuple(value) if isinstance(value, list) else value
