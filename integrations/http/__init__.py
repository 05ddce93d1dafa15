"""The one HTTP client, for kinds that call outside systems. No Django app of its own: import it.

See docs/reference/http.md. `permitted` is its rule for addresses, for kinds whose clients are others.
"""

from integrations.extras import need

need("http")

from integrations.http.addresses import networks, permitted
from integrations.http.circuits import Breaker, Circuits
from integrations.http.client import Client
from integrations.http.limits import Limits
from integrations.http.response import Response

__all__ = ["Breaker", "Circuits", "Client", "Limits", "Response", "networks", "permitted"]
