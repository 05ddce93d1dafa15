"""Names of the choices in the guided form: styles of pagination, kinds of authentication, units of a version."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

STYLE_NAMES = {
    "none": _("No pages: one call brings everything"),
    "page": _("Page numbers (?page=2)"),
    "offset": _("Offset and limit (?offset=100&limit=100)"),
    "cursor": _("A cursor in the page (?cursor=…)"),
    "next_url": _("The next page's address in the page"),
    "link_header": _("The next page's address in a Link header"),
    "since_id": _("After the last record's id (?after=…)"),
}
KIND_NAMES = {
    "none": _("Nothing is sent: the API is open"),
    "bearer": _("Bearer token (credential: token)"),
    "basic": _("User name and password (credential: username, password)"),
    "api_key": _("API key in a header or the query (credential: key)"),
    "client_credentials": _("OAuth 2 client credentials (credential: client_id, client_secret)"),
    "refresh_token": _("OAuth 2 refresh token (credential: refresh_token, client_id, client_secret)"),
}
UNIT_NAMES = {
    "": _("a time, in the unit that its size says"),
    "seconds": _("a time in seconds since 1970"),
    "milliseconds": _("a time in milliseconds"),
    "microseconds": _("a time in microseconds"),
    "nanoseconds": _("a time in nanoseconds"),
    "counter": _("a counter, no time"),
}
