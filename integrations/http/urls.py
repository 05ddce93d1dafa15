"""Addresses of calls: read by one parser, the same for the check and for the connection."""

from __future__ import annotations

from urllib.parse import quote

import httpx

from ingestion import ConfigurationError, SourceChanged

Origin = tuple[str, str, int]
_PORTS = {"http": 80, "https": 443}


def base(url: str) -> httpx.URL:
    """A client's own address: scheme, host, port and the path under which relative ones lie.

    Raises ConfigurationError, which never shows what stands before an @.
    """
    parsed = _parsed(url)
    if parsed is None:
        raise ConfigurationError(
            "The source's address is not usable: give https://host, without a user name or password in it "
            "(credentials belong to the tenant's integration)."
        )
    path = parsed.raw_path.split(b"?")[0]
    return parsed.copy_with(raw_path=path if path.endswith(b"/") else path + b"/", fragment=None)


def origin(url: httpx.URL) -> Origin:
    return url.scheme, url.host, url.port or _PORTS[url.scheme]


def joined(own: httpx.URL, given: str) -> httpx.URL:
    """`given` as an absolute address; relative ones lie under `own`. Raises SourceChanged for what is no address.

    An http:// link to our own https:// host means that host: servers behind a proxy often do not know their scheme.
    """
    url = resolved(own, given)
    if url.scheme == "http" and own.scheme == "https" and url.netloc == own.netloc:
        return url.copy_with(scheme="https")
    return url


def resolved(current: httpx.URL, given: str) -> httpx.URL:
    """`given` as a browser at `current` would understand it. Raises SourceChanged for what is no address."""
    try:
        url = _parsed(str(current.join(given)))
    except (httpx.InvalidURL, UnicodeError, ValueError):
        url = None
    if url is None:
        raise SourceChanged(f"A link of {current.host} is not an address that can be called.")
    return url.copy_with(fragment=None)


def shown(url: httpx.URL) -> str:
    """Host and path, with the names of the query but none of its values."""
    path = url.raw_path.split(b"?")[0].decode("ascii")
    names = "&".join(quote(name, safe="[]._-") for name in dict.fromkeys(url.params.keys()))
    return url.netloc.decode("ascii") + path + (f"?{names}" if names else "")


def _parsed(url: str) -> httpx.URL | None:
    try:
        parsed = httpx.URL(url)
        parsed.host.encode("idna")
    except (httpx.InvalidURL, UnicodeError, ValueError, TypeError):
        return None
    if parsed.scheme not in _PORTS or not parsed.host or parsed.userinfo:
        return None
    return parsed
