"""Limits what a declaration may do with the tenant's credential.

Staff write declarations into a connection's config. They must not learn the credential's values, nor send them to hosts
that the people who store credentials did not allow. The credential itself says what is allowed.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import urlsplit

from ingestion import ConfigurationError, Context, CredentialError
from ingestion.redaction import spellings
from integrations.rest.auth.declared import ApiKey, AuthHeaders, Bearer, NoAuth
from integrations.rest.declaration import Declaration
from integrations.rest.exchange import Call

_USAGE_FIELDS = frozenset({"hosts", "methods", "auth", "expires_at"})
"""Fields of a credential that say how it may be used, and are no secret."""
_ESCAPED_ASCII = re.compile(rb"\\u00([2-7][0-9a-f])")
_ESCAPE_LENGTH = 6
_PIECE_BYTES = 64 * 1024
"""Bytes of a response in which escapes are replaced at once."""
_MIN_BITS = 48
"""Bits of chance in the shortest part of a value that is searched: under one in a million responses of 16 MB has it."""
_MIN_SECRET_PART = 16
"""Characters from which on a part of a token is secret; shorter parts say what the token is for."""
_SEPARATORS = re.compile(r"[-_.:]")
_HEX = re.compile(r"[0-9a-f-]+", re.I)
_JWT = re.compile(r"eyJ[\w-]*\.[\w-]+\.[\w-]+")


_MAX_PAGE_BYTES = 16 * 1024 * 1024
_OVERRIDES = re.compile(
    r"_method|x[-_]((http[-_])?method([-_]override)?|original[-_](url|method)|rewrite[-_]url)", re.I
)
"""Names by which servers take another method or address than the call's own."""
_FIELDS_OF_OTHER_KINDS = frozenset({"password", "client_secret", "refresh_token"})
"""Fields that one kind of authentication sends in its own way; no other kind may."""
Origin = tuple[str, str, int | None]


def policy_violations(declaration: Declaration) -> Iterator[str]:
    """Problems of a declaration in a config that are allowed in code only."""
    if declaration.max_page_bytes > _MAX_PAGE_BYTES:
        yield f"`max_page_bytes` is at most {_MAX_PAGE_BYTES} in a config; ask for smaller pages."
    auth = declaration.auth
    sent_names = [*declaration.headers, *([auth.name] if isinstance(auth, ApiKey) else [])]
    for name in (*sent_names, *declaration.params, *(declaration.body or {})):
        if _OVERRIDES.fullmatch(name):
            yield f"{name!r} would make another call of it; name the real `method`, GET or POST."
    if isinstance(auth, ApiKey | Bearer) and auth.field in _USAGE_FIELDS | _FIELDS_OF_OTHER_KINDS:
        yield f"`auth.field`: {auth.field!r} is not sent in this way; store the value under a name of its own."


def restrict_context(declaration: Declaration, call: Call, ctx: Context, *, untrusted: bool) -> Context:
    """The context as the declaration may use it. Raises ConfigurationError where the credential does not allow a call.

    The credential's value `hosts` says where it may be sent; an untrusted declaration needs it. Of private networks an
    untrusted declaration reaches the hosts that the credential names only, even without sending the credential.
    """
    auth = declaration.auth
    if untrusted and declaration.method != "GET":
        _require_method(declaration.method, _permissions(ctx), call.url, ctx.integration)
    if isinstance(auth, NoAuth):
        if untrusted and ctx.private_networks and not allows_origin(_permissions(ctx), call.url):
            return dataclasses.replace(ctx, private_networks=())
        return ctx
    secret = ctx.credential().values
    if secret.get("hosts") or untrusted:
        for url in (call.url, *([auth.token_url] if hasattr(auth, "token_url") else [])):
            _require_allowed_origin(url, secret, ctx.integration)
    declared_words = {str(value).lower() for value in auth.model_dump().values()}
    if untrusted and (missing_words := [word for word in _words(secret, "auth") if word not in declared_words]):
        raise ConfigurationError(
            f"The credential {ctx.integration!r} is sent as its value `auth` says: the declaration's `auth` does not "
            f"say {', '.join(missing_words)}. Correct it, or have somebody who may change credentials correct the "
            "value."
        )
    return ctx


def _permissions(ctx: Context) -> Mapping[str, str]:
    """The credential's values, for a call that does not send them; empty when there is no credential."""
    try:
        return ctx.credential().values
    except (CredentialError, ConfigurationError):
        return {}


def _require_allowed_origin(url: str, secret: Mapping[str, str], integration: str) -> None:
    """Refuse to send the credential to an origin that its value `hosts` does not name."""
    if not allows_origin(secret, url):
        parts = urlsplit(url)
        raise ConfigurationError(
            f"The declaration would send the credential {integration!r} to {parts.scheme}://{parts.netloc}, which its "
            f"value `hosts` does not name ({', '.join(_words(secret, 'hosts')) or 'it has none'}; a host alone means "
            "https on its usual port). Correct the address, or have somebody who may change credentials add it there."
        )


def _require_method(method: str, secret: Mapping[str, str], url: str, integration: str) -> None:
    """Refuse a call that is no GET, unless the credential allows it: it may change data, and failures repeat it."""
    if method.lower() not in _words(secret, "methods") or not allows_origin(secret, url):
        raise ConfigurationError(
            f"A declaration in a config may only GET. If this {method} changes nothing at the source, have somebody "
            f"who may change credentials say so in the tenant's credential {integration!r}: `methods={method}`, and "
            "`hosts` with the address."
        )


def allows_origin(secret: Mapping[str, str], url: str) -> bool:
    """Whether the credential's value `hosts` names the origin of `url`: scheme, host and port."""
    origin = _origin(url)
    return origin is not None and any(
        origin == _origin(host if "://" in host else f"https://{host}") for host in _words(secret, "hosts")
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


class EchoDetector:
    """Finds a credential's values in a response, in the spellings in which values usually travel.

    A part of a value counts as well, where it is too long to occur by chance: as much of its beginning or end, or
    twice as much from its middle.
    """

    def __init__(self, secret: Mapping[str, str], auth_headers: AuthHeaders | None) -> None:
        values = {value for name, value in secret.items() if name not in _USAGE_FIELDS | _identifier_fields(secret)}
        if auth_headers is not None:  # the tokens of this run, and the encoded pair that Basic sends
            values |= {
                value.rpartition(" ")[2] for value in (*auth_headers.headers.values(), *auth_headers.params.values())
            }
        texts = {text for value in values for text in (*spellings(value), *_recognisable_parts(value))}
        self._patterns = tuple({_normalise(text.encode("utf-8", "surrogatepass")) for text in texts})

    def occurs_in(self, texts: Iterable[bytes]) -> bool:
        text = _normalise(b"\n".join(texts))
        return any(pattern in text for pattern in self._patterns)


def _recognisable_parts(value: str) -> Iterator[str]:
    """The secret part of a value, cut into pieces of _MIN_BITS each, so that a part of it is found too."""
    secret = _secret_part(value)
    length = math.ceil(_MIN_BITS / math.log2(_alphabet_size(secret))) if secret else 0
    if len(secret) > length > 0:
        yield secret[-length:]
        for start in range(0, len(secret) - length, length):
            yield secret[start : start + length]


def _secret_part(value: str) -> str:
    """A value without parts that other values share: a token's kind (`sk_live_`), or all of a JWT but its signature."""
    if _JWT.fullmatch(value):
        return value.rpartition(".")[2]
    longest = max(_SEPARATORS.split(value), key=len)
    return longest if len(longest) >= _MIN_SECRET_PART else value


def _alphabet_size(secret: str) -> int:
    """How many different characters each position may have; small letters and capitals count as one."""
    if secret.isdigit():
        return 10
    if _HEX.fullmatch(secret):
        return 16
    return 26 if secret.isalpha() else 36


def _identifier_fields(secret: Mapping[str, str]) -> set[str]:
    """Fields that only identify the client, because a secret field proves it: records may well hold them."""
    pairs = (("username", "password"), ("client_id", "client_secret"))
    return {name for name, secret_field in pairs if secret.get(secret_field)}


def _normalise(text: bytes) -> bytes:
    """The text in small letters (searches fold case), without the escapes that JSON allows but does not need."""
    return b"".join(
        _ESCAPED_ASCII.sub(lambda code: bytes([int(code[1], 16)]).lower(), piece)
        for piece in _pieces(text.lower().replace(b"\\/", b"/"))
    )


def _pieces(text: bytes) -> Iterator[bytes]:
    """The text in pieces, cut inside no escape.

    Replacing the escapes of a whole page at once may take thirty times the memory of the page.
    """
    start = 0
    while start < len(text):
        end = start + _PIECE_BYTES
        if end < len(text) and (escape := text.find(b"\\", end - _ESCAPE_LENGTH + 1, end)) >= 0:
            end = escape
        yield text[start:end]
        start = end
