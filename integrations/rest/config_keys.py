"""Which keys a connection's config may have: any other would do nothing, and nobody would notice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from ingestion import ConfigurationError
from integrations.rest import placeholders
from integrations.rest.config import KEY, did_you_mean
from integrations.rest.declaration import Declaration

KEYS = (KEY, "integration")
"""What the pipeline reads, beside what a declaration names as `{config.NAME}`."""
_WHOLE = f"Members of `{KEY}` are set in the whole object: --config {KEY}='{{…}}', or *Edit by form* in the console."
_LONGEST = 50


def refuse_members(config: Mapping[str, Any]) -> None:
    """Raise ConfigurationError for a key like "rest.path", which is no way to change one member."""
    for name in config:
        head, _, member = name.partition(".")
        if head == KEY and member:
            _refuse_member(name, member.partition(".")[0])


def refuse_unknown(config: Mapping[str, Any], declared: Declaration) -> None:
    """Raise ConfigurationError for a key that neither the pipeline nor a placeholder of the declaration reads."""
    texts = placeholders.texts([declared.base_url, declared.path, declared.params, declared.headers, declared.body])
    known = {*KEYS, *(name for text in texts for name in placeholders.configured(text))}
    for name in config:
        if name in known:
            continue
        if name in Declaration.model_fields:
            _refuse_member(name, name)
        raise ConfigurationError(
            f"{_no_key(name)}{_meant(name, known)} It has {', '.join(sorted(known))}; a value that the declaration "
            f"uses as {{config.NAME}} is a key too. {_away(name)}"
        )


def _refuse_member(name: str, member: str) -> NoReturn:
    known = Declaration.model_fields
    meant = f", but `{member}` is one of `{KEY}`." if member in known else _meant(member, known)
    raise ConfigurationError(f"{_no_key(name)}{meant} {_WHOLE} {_away(name)}")


def _no_key(name: str) -> str:
    return f"`{name[:_LONGEST]}` is no key of the connection's config"


def _meant(name: str, known: Iterable[str]) -> str:
    return did_you_mean(name, known) or "."


def _away(name: str) -> str:
    return f"Where it is stored already, take it away with --config {name[:_LONGEST]}=null."
