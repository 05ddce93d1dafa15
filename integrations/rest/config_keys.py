"""Which keys a connection's config may have beside its declaration, and what was meant by one that it may not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ingestion import Keys, check_keys, did_you_mean, elsewhere, refuse_unknown_keys
from integrations.rest import placeholders
from integrations.rest.config import KEY
from integrations.rest.declaration import Declaration

KEYS = (KEY, "integration")
"""What the pipeline reads, beside what a declaration names as `{config.NAME}`."""
_MORE = "; a value that the declaration uses as {config.NAME} is a key too"
_WHOLE = f"Members of `{KEY}` are set in the whole object: --config {KEY}='{{…}}', or *Edit by form* in the console."


def refuse_members(config: Mapping[str, Any]) -> None:
    """Raise ConfigurationError for a key like "rest.path", which is no way to change one member."""
    members = {name: value for name, value in config.items() if name.startswith(f"{KEY}.") and name != f"{KEY}."}
    refuse_unknown_keys(members, (), advice=_of_member)


def refuse_unknown(config: Mapping[str, Any], declared: Declaration) -> None:
    """Raise ConfigurationError for a key that neither the pipeline nor a placeholder of the declaration reads."""
    refuse_unknown_keys(config, {*KEYS, *_named(declared)}, advice=_meant, more=_MORE)


def refuse_undeclared(config: Mapping[str, Any]) -> None:
    """Where nothing is declared, the same for a key of which it can be said what was meant by it."""
    others = [name for name in config if name not in KEYS]
    meant = [name for name in others if _meant(name) or elsewhere(name) or did_you_mean(name, KEYS)]
    refuse_unknown_keys(dict.fromkeys(meant), KEYS, advice=_meant)


def refuse_unread(config: Mapping[str, Any], declared: Declaration, keys: Keys) -> None:
    """The same for a declaration in code, whose pipeline's own transform reads `keys`."""
    check_keys(config, {"integration", *_named(declared)}, keys, advice=_said_in_code)


def _named(declared: Declaration) -> set[str]:
    return {name for text in declared.texts for name in placeholders.configured(text)}


def _said_in_code(name: str) -> str:
    return ": the pipeline's code declares the API." if name == KEY or name in Declaration.model_fields else ""


def _meant(name: str) -> str:
    return _of_member(name) if name in Declaration.model_fields else ""


def _of_member(name: str) -> str:
    """What is said of a member of the declaration that was written beside it: `path` or `rest.path`."""
    member = name.removeprefix(f"{KEY}.").partition(".")[0]
    known = Declaration.model_fields
    meant = f", but `{member}` is one of `{KEY}`." if member in known else did_you_mean(member, known) or "."
    return f"{meant} {_WHOLE}"
