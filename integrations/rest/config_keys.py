"""Which keys a connection's config may have beside its declaration, and what was meant by one that it may not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ingestion import did_you_mean, refuse_unknown_keys
from integrations.rest import placeholders
from integrations.rest.config import KEY
from integrations.rest.declaration import Declaration

KEYS = (KEY, "integration")
"""What the pipeline reads, beside what a declaration names as `{config.NAME}`."""
_WHOLE = f"Members of `{KEY}` are set in the whole object: --config {KEY}='{{…}}', or *Edit by form* in the console."


def refuse_members(config: Mapping[str, Any]) -> None:
    """Raise ConfigurationError for a key like "rest.path", which is no way to change one member."""
    members = {name: value for name, value in config.items() if name.startswith(f"{KEY}.") and name != f"{KEY}."}
    refuse_unknown_keys(members, (), advice=_of_member)


def refuse_unknown(config: Mapping[str, Any], declared: Declaration) -> None:
    """Raise ConfigurationError for a key that neither the pipeline nor a placeholder of the declaration reads."""
    texts = placeholders.texts([declared.base_url, declared.path, declared.params, declared.headers, declared.body])
    known = {*KEYS, *(name for text in texts for name in placeholders.configured(text))}
    refuse_unknown_keys(
        config, known, advice=_meant, more="; a value that the declaration uses as {config.NAME} is a key too"
    )


def _meant(name: str) -> str:
    return _of_member(name) if name in Declaration.model_fields else ""


def _of_member(name: str) -> str:
    """What is said of a member of the declaration that was written beside it: `path` or `rest.path`."""
    member = name.removeprefix(f"{KEY}.").partition(".")[0]
    known = Declaration.model_fields
    meant = f", but `{member}` is one of `{KEY}`." if member in known else did_you_mean(member, known) or "."
    return f"{meant} {_WHOLE}"
