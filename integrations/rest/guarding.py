"""What a declaration may do with the tenant's credential.

Staff write declarations into a connection's config and must not learn the credential's values, nor reach with them what
those who store credentials did not name. What they named stands in the credential itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from ingestion.redaction import spellings
from integrations.rest.auth.declared import Proof

_TERMS = frozenset({"hosts", "methods", "expires_at"})
"""Values of a credential that say how it is used, and are no secret."""
_CODE = re.compile(rb"\\u00([2-7][0-9a-f])")


class Echo:
    """Finds a credential's values in what a source answered, in the spellings in which a value usually travels."""

    def __init__(self, secret: Mapping[str, str], proof: Proof | None) -> None:
        values = {value for name, value in secret.items() if name not in _TERMS | _names_only(secret)}
        if proof is not None:  # tokens of this run, and the word that Basic sends
            values |= {value.rpartition(" ")[2] for value in (*proof.headers.values(), *proof.params.values())}
        spelled = {_plain(one.encode("utf-8", "surrogatepass")) for value in values for one in spellings(value)}
        self._spelled = tuple(spelled)

    def stands_in(self, texts: Iterable[bytes]) -> bool:
        answer = _plain(b"\n".join(texts))
        return any(one in answer for one in self._spelled)


def _names_only(secret: Mapping[str, str]) -> set[str]:
    """Values that only name who asks, because another one proves it: they may well stand in the records."""
    pairs = (("username", "password"), ("client_id", "client_secret"))
    return {name for name, proof in pairs if secret.get(proof)}


def _plain(text: bytes) -> bytes:
    """In small letters (searches fold case), without the escapes that JSON allows but does not need."""
    return _CODE.sub(lambda code: bytes([int(code[1], 16)]).lower(), text.lower().replace(b"\\/", b"/"))
