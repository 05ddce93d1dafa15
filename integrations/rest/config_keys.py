"""Checks the keys of a connection's config beside its declaration, and advises what an unknown key may mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ingestion import Keys, check_keys, did_you_mean, elsewhere, refuse_unknown_keys
from integrations.rest import placeholders
from integrations.rest.config import KEY
from integrations.rest.declaration import Declaration

KEYS = (KEY, "integration")
"""Keys that the pipeline reads, beside those that a declaration names as `{config.NAME}`."""
_MORE = "; a value that the declaration uses as {config.NAME} is a key too"
_SET_WHOLE_OBJECT = (
    f"Members of `{KEY}` are set in the whole object: --config {KEY}='{{…}}', or *Edit by form* in the console."
)


def refuse_member_keys(config: Mapping[str, Any]) -> None:
    """Raise ConfigurationError for a key like "rest.path": one member of the declaration cannot be set alone."""
    members = {name: value for name, value in config.items() if name.startswith(f"{KEY}.") and name != f"{KEY}."}
    refuse_unknown_keys(members, (), advice=_advise_member)


def refuse_unknown_keys_of(config: Mapping[str, Any], declaration: Declaration) -> None:
    """Raise ConfigurationError for a key that neither the pipeline nor a placeholder of the declaration reads."""
    refuse_unknown_keys(config, {*KEYS, *_placeholder_keys(declaration)}, advice=_advise_key, more=_MORE)


def refuse_mistaken_keys(config: Mapping[str, Any]) -> None:
    """Raise ConfigurationError, where no API is declared yet, for a key of which it is clear what was intended."""
    other_keys = [name for name in config if name not in KEYS]
    mistaken_keys = [name for name in other_keys if _advise_key(name) or elsewhere(name) or did_you_mean(name, KEYS)]
    refuse_unknown_keys(dict.fromkeys(mistaken_keys), KEYS, advice=_advise_key)


def refuse_unread_keys(config: Mapping[str, Any], declaration: Declaration, keys: Keys) -> None:
    """Raise ConfigurationError for a key that neither a declaration in code nor its transform (`keys`) reads.

    Where `keys` is a model, also for a value that it refuses.
    """
    check_keys(config, {"integration", *_placeholder_keys(declaration)}, keys, advice=_advise_code_key)


def _placeholder_keys(declaration: Declaration) -> set[str]:
    return {name for text in declaration.texts for name in placeholders.config_names(text)}


def _advise_code_key(name: str) -> str:
    return ": the pipeline's code declares the API." if name == KEY or name in Declaration.model_fields else ""


def _advise_key(name: str) -> str:
    return _advise_member(name) if name in Declaration.model_fields else ""


def _advise_member(name: str) -> str:
    """Advice on a member of the declaration that stands beside it: `path` or `rest.path`."""
    member = name.removeprefix(f"{KEY}.").partition(".")[0]
    fields = Declaration.model_fields
    advice = f", but `{member}` is one of `{KEY}`." if member in fields else did_you_mean(member, fields) or "."
    return f"{advice} {_SET_WHOLE_OBJECT}"
