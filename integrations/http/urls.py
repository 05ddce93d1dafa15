"""URLs of calls. One parser reads them for the check and for the connection, so that both see the same host."""

from __future__ import annotations

from urllib.parse import quote

import httpx

from ingestion import ConfigurationError, SourceChanged

Origin = tuple[str, str, int]
_PORTS = {"http": 80, "https": 443}


def parse_base_url(url: str) -> httpx.URL:
    """A client's own address: scheme, host, port and the path that is the base of relative addresses.

    Raises ConfigurationError, whose text does not show user name and password.
    """
    parsed = _parse(url)
    if parsed is None:
        raise ConfigurationError(
            "The source's address is not usable: give https://host, without a user name or password in it "
            "(credentials belong to the tenant's integration)."
        )
    path = parsed.raw_path.split(b"?")[0]
    return parsed.copy_with(raw_path=path if path.endswith(b"/") else path + b"/", fragment=None)


def origin(url: httpx.URL) -> Origin:
    return url.scheme, url.host, url.port or _PORTS[url.scheme]


def absolute_url(base_url: httpx.URL, link: str) -> httpx.URL:
    """`link` as an absolute address, relative to `base_url`. Raises SourceChanged for what is no address.

    An http:// link to our own https:// host means that host: servers behind a proxy often do not know their scheme.
    """
    url = resolve_link(base_url, link)
    if url.scheme == "http" and base_url.scheme == "https" and url.netloc == base_url.netloc:
        return url.copy_with(scheme="https")
    return url


def resolve_link(current: httpx.URL, link: str) -> httpx.URL:
    """`link` as a browser at `current` would understand it. Raises SourceChanged for what is no address."""
    try:
        url = _parse(str(current.join(link)))
    except (httpx.InvalidURL, UnicodeError, ValueError):
        url = None
    if url is None:
        raise SourceChanged(f"A link of {current.host} is not an address that can be called.")
    return url.copy_with(fragment=None)


def without_query_values(url: httpx.URL) -> str:
    """Host and path of the URL, with the names of its query parameters but none of their values."""
    path = url.raw_path.split(b"?")[0].decode("ascii")
    names = "&".join(quote(name, safe="[]._-") for name in dict.fromkeys(url.params.keys()))
    return url.netloc.decode("ascii") + path + (f"?{names}" if names else "")


def _parse(url: str) -> httpx.URL | None:
    try:
        parsed = httpx.URL(url)
        parsed.host.encode("idna")
    except (httpx.InvalidURL, UnicodeError, ValueError, TypeError):
        return None
    if parsed.scheme not in _PORTS or not parsed.host or parsed.userinfo:
        return None
    return parsed
