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
from integrations.rest.auth.declared import ApiKey, AuthHeaders, Bearer, NoAuth
from integrations.rest.declaration import Declaration
from integrations.rest.exchange import Call

_USAGE_FIELDS = frozenset({"hosts", "methods", "auth", "expires_at"})
"""Values of a credential that say how it is used, and are no secret."""
_ESCAPED_ASCII = re.compile(rb"\\u00([2-7][0-9a-f])")
_MIN_BITS = 48
"""Of chance in the shortest part of a value that counts: less than one of a million answers of 16 MB has it."""
_MIN_SECRET_PART = 16
"""Characters of a part of a token that is the secret one; the others say what it is for and whose."""
_SEPARATORS = re.compile(r"[-_.:]")
_HEX = re.compile(r"[0-9a-f-]+", re.I)
_JWT = re.compile(r"eyJ[\w-]*\.[\w-]+\.[\w-]+")


_MAX_PAGE_BYTES = 16 * 1024 * 1024
_OVERRIDES = re.compile(
    r"_method|x[-_]((http[-_])?method([-_]override)?|original[-_](url|method)|rewrite[-_]url)", re.I
)
"""Names by which servers take another method or address than the call's own."""
_FIELDS_OF_OTHER_KINDS = frozenset({"password", "client_secret", "refresh_token"})
"""Values that one kind of authentication sends in its own way; no other may."""
Origin = tuple[str, str, int | None]


def policy_violations(declaration: Declaration) -> Iterator[str]:
    """What only a declaration in code may say."""
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
    """`ctx` as the declaration may use it. Raises ConfigurationError for what the tenant's credential does not allow.

    Its value `hosts` says where it may go; for a declaration that staff wrote it is required. Private networks were
    allowed for somebody's system: staff reach of them what the tenant's credential names, also without sending it.
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
            f"say {', '.join(missing_words)}. Correct it, or have somebody who may change credentials correct the value."
        )
    return ctx


def _permissions(ctx: Context) -> Mapping[str, str]:
    """What the tenant's credential allows a call that sends nothing of it; nothing when there is none."""
    try:
        return ctx.credential().values
    except (CredentialError, ConfigurationError):
        return {}


def _require_allowed_origin(url: str, secret: Mapping[str, str], integration: str) -> None:
    if not allows_origin(secret, url):
        parts = urlsplit(url)
        raise ConfigurationError(
            f"The declaration would send the credential {integration!r} to {parts.scheme}://{parts.netloc}, which its "
            f"value `hosts` does not name ({', '.join(_words(secret, 'hosts')) or 'it has none'}; a host alone means "
            "https on its usual port). Correct the address, or have somebody who may change credentials add it there."
        )


def _require_method(method: str, secret: Mapping[str, str], url: str, integration: str) -> None:
    """A call that is no GET may change something at the source, and is repeated after a failure."""
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
    """Finds a credential's values in what a source answered, in the spellings in which a value usually travels.

    A part counts as well, where it is too long to stand there by chance: as much of a value's beginning or end, or
    twice as much from the midst of it.
    """

    def __init__(self, secret: Mapping[str, str], auth_headers: AuthHeaders | None) -> None:
        values = {value for name, value in secret.items() if name not in _USAGE_FIELDS | _identifier_fields(secret)}
        if auth_headers is not None:  # tokens of this run, and the word that Basic sends
            values |= {
                value.rpartition(" ")[2] for value in (*auth_headers.headers.values(), *auth_headers.params.values())
            }
        texts = {text for value in values for text in (*spellings(value), *_recognisable_parts(value))}
        self._patterns = tuple({_normalised(text.encode("utf-8", "surrogatepass")) for text in texts})

    def occurs_in(self, texts: Iterable[bytes]) -> bool:
        text = _normalised(b"\n".join(texts))
        return any(pattern in text for pattern in self._patterns)


def _recognisable_parts(value: str) -> Iterator[str]:
    """The beginning and the end of what is secret in `value`, and what lies between them, each _BITS long."""
    secret = _secret_part(value)
    length = math.ceil(_MIN_BITS / math.log2(_alphabet_size(secret))) if secret else 0
    if len(secret) > length > 0:
        yield secret[-length:]
        for start in range(0, len(secret) - length, length):
            yield secret[start : start + length]


def _secret_part(value: str) -> str:
    """`value` without what others may have too: a token's kind (`sk_live_`), or all but the signature of a JWT."""
    if _JWT.fullmatch(value):
        return value.rpartition(".")[2]
    longest = max(_SEPARATORS.split(value), key=len)
    return longest if len(longest) >= _MIN_SECRET_PART else value


def _alphabet_size(secret: str) -> int:
    """How many signs each place may have, small letters and capitals being one."""
    if secret.isdigit():
        return 10
    if _HEX.fullmatch(secret):
        return 16
    return 26 if secret.isalpha() else 36


def _identifier_fields(secret: Mapping[str, str]) -> set[str]:
    """Values that only name who asks, because another one proves it: they may well stand in the records."""
    pairs = (("username", "password"), ("client_id", "client_secret"))
    return {name for name, secret_field in pairs if secret.get(secret_field)}


def _normalised(text: bytes) -> bytes:
    """In small letters (searches fold case), without the escapes that JSON allows but does not need."""
    return _ESCAPED_ASCII.sub(lambda code: bytes([int(code[1], 16)]).lower(), text.lower().replace(b"\\/", b"/"))
