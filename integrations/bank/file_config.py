"""What a connection's config says of files that do not say it themselves, checked before it is stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from ingestion import ConfigurationError, Keys, check_keys, did_you_mean, why_no_json
from integrations.bank.formats.csv_detect import layout_named
from integrations.bank.formats.options import Options
from integrations.bank.formats.qif_dates import ORDERS
from integrations.bank.layouts import CsvLayout, layout_from_mapping
from integrations.bank.money import UnknownCurrencyError, exponent

UNCHECKED = "unchecked"
KEYS = (
    *("account", "currency", "layout", "dates", "balances", "ids", "reversal", "charset", "post_notices"),
    *("balance_rows", "bank", "kind", "decimal"),
)
"""What the kind reads of a config. Any other key would do nothing, and nobody would notice."""
_TAGS = {"bank": "BANKID", "kind": "ACCTTYPE"}


def refuse_unknown(config: Mapping[str, Any], more: Keys = (), source: object = None) -> None:
    """Raise ConfigurationError for keys that nobody reads; `more` are those of the project's own transform."""
    check_keys(config, KEYS, more, source=source, advice=_of_layout)


def _of_layout(name: str) -> str:
    whole = ". Keys of a layout are set in the whole object: --config layout='{…}'."
    inside = name.startswith("layout.") or name in {field.name for field in fields(CsvLayout)}
    return whole if inside else ""


def told(config: Mapping[str, Any], layouts: Sequence[CsvLayout]) -> dict[str, Any]:
    """The arguments of `formats.read_members` beside the bytes. Null is absent.

    `layout` is the name of one of the layouts, or a layout of the connection's own as an object. Raises
    ConfigurationError that names the key; what is wrong with a declared layout is said with what stands there.
    """
    layout = config.get("layout", "")
    if layout is None:
        layout = ""
    if isinstance(layout, Mapping):
        declared = layout_from_mapping(layout, trusted=False)
        layouts, layout = (declared,), declared.name
    elif not isinstance(layout, str):
        raise ConfigurationError("layout is the name of a CSV layout, or a layout as an object with keys.")
    elif why := why_no_json(layout):
        raise ConfigurationError(f"layout is the name of a CSV layout, or a layout as an object with keys. {why}")
    elif layout:
        layout_named(layout, layouts)
    if isinstance(config.get("account"), bool | float | Mapping | list):
        raise ConfigurationError("account is a text: the number or IBAN of the account that files do not name.")
    for name, tag in _TAGS.items():
        if isinstance(config.get(name), bool | Mapping | list):
            raise ConfigurationError(f"{name} is a text: what OFX files say in {tag}.")
    return {
        "layouts": layouts,
        "layout": layout,
        "currency": _currency(config),
        "dates": _one_of(config, "dates", ORDERS),
        "balances_checked": not _one_of(config, "balances", (UNCHECKED,)),
        "options": Options.of(config),
    }


def _one_of(config: Mapping[str, Any], key: str, words: Sequence[str]) -> str:
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
