"""What a declaration may do with the tenant's credential.

Staff write declarations into a connection's config and must not learn the credential's values, nor reach with them what
those who store credentials did not name. What they named stands in the credential itself.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import urlsplit

from ingestion import ConfigurationError, Context, CredentialError
from ingestion.redaction import spellings
from integrations.rest.auth.declared import ApiKey, Bearer, NoAuth, Proof
from integrations.rest.declaration import Declaration
from integrations.rest.exchange import Call

_TERMS = frozenset({"hosts", "methods", "auth", "expires_at"})
"""Values of a credential that say how it is used, and are no secret."""
_CODE = re.compile(rb"\\u00([2-7][0-9a-f])")
_CODE_LENGTH = 6
_PIECE = 64 * 1024
"""Bytes of an answer in which escapes are replaced at once."""
_BITS = 48
"""Of chance in the shortest part of a value that counts: less than one of a million answers of 16 MB has it."""
_LONG = 16
"""Characters of a part of a token that is the secret one; the others say what it is for and whose."""
_SEPARATORS = re.compile(r"[-_.:]")
_HEX = re.compile(r"[0-9a-f-]+", re.I)
_JWT = re.compile(r"eyJ[\w-]*\.[\w-]+\.[\w-]+")


_LARGEST = 16 * 1024 * 1024
_OVERRIDES = re.compile(
    r"_method|x[-_]((http[-_])?method([-_]override)?|original[-_](url|method)|rewrite[-_]url)", re.I
)
"""Names by which servers take another method or address than the call's own."""
_OF_OTHER_KINDS = frozenset({"password", "client_secret", "refresh_token"})
"""Values that one kind of authentication sends in its own way; no other may."""
Origin = tuple[str, str, int | None]


def reaching(declaration: Declaration) -> Iterator[str]:
    """What only a declaration in code may say."""
    if declaration.max_page_bytes > _LARGEST:
        yield f"`max_page_bytes` is at most {_LARGEST} in a config; ask for smaller pages."
    auth = declaration.auth
    sent = [*declaration.headers, *([auth.name] if isinstance(auth, ApiKey) else [])]
    for name in (*sent, *declaration.params, *(declaration.body or {})):
        if _OVERRIDES.fullmatch(name):
            yield f"{name!r} would make another call of it; name the real `method`, GET or POST."
    if isinstance(auth, ApiKey | Bearer) and auth.field in _TERMS | _OF_OTHER_KINDS:
        yield f"`auth.field`: {auth.field!r} is not sent in this way; store the value under a name of its own."


def bind(declaration: Declaration, call: Call, ctx: Context, *, untrusted: bool) -> Context:
    """`ctx` as the declaration may use it. Raises ConfigurationError for what the tenant's credential does not allow.

    Its value `hosts` says where it may go; for a declaration that staff wrote it is required. Private networks were
    allowed for somebody's system: staff reach of them what the tenant's credential names, also without sending it.
    """
    auth = declaration.auth
    if untrusted and declaration.method != "GET":
        _require_method(declaration.method, _leave(ctx), call.url, ctx.integration)
    if isinstance(auth, NoAuth):
        if untrusted and ctx.private_networks and not names(_leave(ctx), call.url):
            return dataclasses.replace(ctx, private_networks=())
        return ctx
    secret = ctx.credential().values
    if secret.get("hosts") or untrusted:
        for url in (call.url, *([auth.token_url] if hasattr(auth, "token_url") else [])):
            _require_named(url, secret, ctx.integration)
    said = {str(one).lower() for one in auth.model_dump().values()}
    if untrusted and (other := [word for word in _words(secret, "auth") if word not in said]):
        raise ConfigurationError(
            f"The credential {ctx.integration!r} is sent as its value `auth` says: the declaration's `auth` does not "
            f"say {', '.join(other)}. Correct it, or have somebody who may change credentials correct the value."
        )
    return ctx


def _leave(ctx: Context) -> Mapping[str, str]:
    """What the tenant's credential allows a call that sends nothing of it; nothing when there is none."""
    try:
        return ctx.credential().values
    except (CredentialError, ConfigurationError):
        return {}


def _require_named(url: str, secret: Mapping[str, str], integration: str) -> None:
    if not names(secret, url):
        parts = urlsplit(url)
        raise ConfigurationError(
            f"The declaration would send the credential {integration!r} to {parts.scheme}://{parts.netloc}, which its "
            f"value `hosts` does not name ({', '.join(_words(secret, 'hosts')) or 'it has none'}; a host alone means "
            "https on its usual port). Correct the address, or have somebody who may change credentials add it there."
        )


def _require_method(method: str, secret: Mapping[str, str], url: str, integration: str) -> None:
    """A call that is no GET may change something at the source, and is repeated after a failure."""
    if method.lower() not in _words(secret, "methods") or not names(secret, url):
        raise ConfigurationError(
            f"A declaration in a config may only GET. If this {method} changes nothing at the source, have somebody "
            f"who may change credentials say so in the tenant's credential {integration!r}: `methods={method}`, and "
            "`hosts` with the address."
        )


def names(secret: Mapping[str, str], url: str) -> bool:
    """Whether the credential's value `hosts` names the origin of `url`: scheme, host and port."""
    wanted = _origin(url)
    return wanted is not None and any(
        wanted == _origin(one if "://" in one else f"https://{one}") for one in _words(secret, "hosts")
    )


def _origin(url: str) -> Origin | None:
    try:
        parts = urlsplit(url)
        scheme, host, port = parts.scheme, parts.hostname, parts.port
    except ValueError:
        return None
    return (scheme, host, port or {"http": 80, "https": 443}.get(scheme)) if host else None


def _words(secret: Mapping[str, str], name: str) -> list[str]:
    return secret.get(name, "").lower().replace(",", " ").split()


class Echo:
    """Finds a credential's values in what a source answered, in the spellings in which a value usually travels.

    A part counts as well, where it is too long to stand there by chance: as much of a value's beginning or end, or
    twice as much from the midst of it.
    """

    def __init__(self, secret: Mapping[str, str], proof: Proof | None) -> None:
        values = {value for name, value in secret.items() if name not in _TERMS | _names_only(secret)}
        if proof is not None:  # tokens of this run, and the word that Basic sends
            values |= {value.rpartition(" ")[2] for value in (*proof.headers.values(), *proof.params.values())}
        texts = {text for value in values for text in (*spellings(value), *_parts(value))}
        self._spelled = tuple({_plain(text.encode("utf-8", "surrogatepass")) for text in texts})

    def stands_in(self, texts: Iterable[bytes]) -> bool:
        answer = _plain(b"\n".join(texts))
        return any(one in answer for one in self._spelled)


def _parts(value: str) -> Iterator[str]:
    """The beginning and the end of what is secret in `value`, and what lies between them, each _BITS long."""
    secret = _random(value)
    length = math.ceil(_BITS / math.log2(_signs(secret))) if secret else 0
    if len(secret) > length > 0:
        yield secret[-length:]
        for start in range(0, len(secret) - length, length):
            yield secret[start : start + length]


def _random(value: str) -> str:
    """`value` without what others may have too: a token's kind (`sk_live_`), or all but the signature of a JWT."""
    if _JWT.fullmatch(value):
        return value.rpartition(".")[2]
    longest = max(_SEPARATORS.split(value), key=len)
    return longest if len(longest) >= _LONG else value


def _signs(secret: str) -> int:
    """How many signs each place may have, small letters and capitals being one."""
    if secret.isdigit():
        return 10
    if _HEX.fullmatch(secret):
        return 16
    return 26 if secret.isalpha() else 36


def _names_only(secret: Mapping[str, str]) -> set[str]:
    """Values that only name who asks, because another one proves it: they may well stand in the records."""
    pairs = (("username", "password"), ("client_id", "client_secret"))
    return {name for name, proof in pairs if secret.get(proof)}


def _plain(text: bytes) -> bytes:
    """In small letters (searches fold case), without the escapes that JSON allows but does not need."""
    return b"".join(
        _CODE.sub(lambda code: bytes([int(code[1], 16)]).lower(), piece)
        for piece in _pieces(text.lower().replace(b"\\/", b"/"))
    )


def _pieces(text: bytes) -> Iterator[bytes]:
    """`text` in pieces that end in no escape: all replaced at once, a page of them takes thirty times its size."""
    start = 0
    while start < len(text):
        end = start + _PIECE
        if end < len(text) and (escape := text.find(b"\\", end - _CODE_LENGTH + 1, end)) >= 0:
            end = escape
        yield text[start:end]
        start = end
