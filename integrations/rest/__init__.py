"""REST APIs, declared instead of programmed: as a value in code, or by staff in a connection's config.

Everything but `models`, `destination`, `pipelines`, `admin` and `apps` is plain Python and imports no Django.
See docs/how-to/load-a-rest-api.md.
"""

from integrations.extras import need

need("rest")

from integrations.rest.answers import Signal
from integrations.rest.auth import ApiKey, Basic, Bearer, ClientCredentials, NoAuth, RefreshToken
from integrations.rest.paging import Cursor, LinkHeader, NextUrl, NoPages, Offset, PageNumber, SinceId
from integrations.rest.source import Rest

__all__ = [
    "ApiKey",
    "Basic",
    "Bearer",
    "ClientCredentials",
    "Cursor",
    "LinkHeader",
    "NextUrl",
    "NoAuth",
    "NoPages",
    "Offset",
    "PageNumber",
    "RefreshToken",
    "Rest",
    "Signal",
    "SinceId",
]
