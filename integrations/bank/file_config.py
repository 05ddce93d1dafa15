"""What a connection's config says of files that do not say it themselves, checked before it is stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from ingestion import ConfigurationError, Keys, check_keys, did_you_mean, why_no_json
from integrations.bank.formats.csv_detect import find_layout
from integrations.bank.formats.options import Options
from integrations.bank.formats.qif_dates import ORDERS
from integrations.bank.layouts import CsvLayout, layout_from_mapping
from integrations.bank.money import UnknownCurrencyError, exponent

UNCHECKED = "unchecked"
KEYS = (
    *("account", "currency", "layout", "dates", "balances", "ids", "reversal", "charset", "post_notices"),
    *("balance_rows", "bank", "kind", "decimal"),
)
"""The config keys that the bank's source reads. Any other key would have no effect, unnoticed."""
_TAGS = {"bank": "BANKID", "kind": "ACCTTYPE"}


def refuse_unknown(config: Mapping[str, Any], project_keys: Keys = (), source: object = None) -> None:
    """Raise ConfigurationError for a key that has no effect. `project_keys` are those of the project's transform."""
    check_keys(config, KEYS, project_keys, source=source, advice=_advise_on_layout_key)


def _advise_on_layout_key(name: str) -> str:
    whole = ". Keys of a layout are set in the whole object: --config layout='{…}'."
    inside = name.startswith("layout.") or name in {field.name for field in fields(CsvLayout)}
    return whole if inside else ""


def read_settings(config: Mapping[str, Any], layouts: Sequence[CsvLayout]) -> dict[str, Any]:
    """The arguments of `formats.read_members` beside the bytes. Null counts as absent.

    `layout` is the name of one of the layouts, or a layout of the connection's own as an object. Raises
    ConfigurationError that names the key; a fault in a declared layout is described with the text that stands there.
    """
    layout = config.get("layout", "")
    if layout is None:
        layout = ""
    if isinstance(layout, Mapping):
        declared_layout = layout_from_mapping(layout, trusted=False)
        layouts, layout = (declared_layout,), declared_layout.name
    elif not isinstance(layout, str):
        raise ConfigurationError("layout is the name of a CSV layout, or a layout as an object with keys.")
    elif why := why_no_json(layout):
        raise ConfigurationError(f"layout is the name of a CSV layout, or a layout as an object with keys. {why}")
    elif layout:
        find_layout(layout, layouts)
    if isinstance(config.get("account"), bool | float | Mapping | list):
        raise ConfigurationError("account is a text: the number or IBAN of the account that files do not name.")
    for name, tag in _TAGS.items():
        if isinstance(config.get(name), bool | Mapping | list):
            raise ConfigurationError(f"{name} is a text: what OFX files say in {tag}.")
    return {
        "layouts": layouts,
        "layout": layout,
        "currency": _currency(config),
        "dates": _read_choice(config, "dates", ORDERS),
        "balances_checked": not _read_choice(config, "balances", (UNCHECKED,)),
        "options": Options.of(config),
    }


def _read_choice(config: Mapping[str, Any], key: str, words: Sequence[str]) -> str:
    word = config.get(key)
    if word in (None, ""):
        return ""
    if word not in words:
        near = did_you_mean(str(word), words)
        raise ConfigurationError(f"{key} is one of {', '.join(words)}{near or '.'}")
    return str(word)


def _currency(config: Mapping[str, Any]) -> str:
    currency = str(config.get("currency") or "").strip().upper()
    try:
        if currency:
            exponent(currency)
    except UnknownCurrencyError:
        raise ConfigurationError("currency is an ISO 4217 code, such as EUR.") from None
    return currency
