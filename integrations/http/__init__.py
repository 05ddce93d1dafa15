"""The HTTP client of all integrations that call outside systems. The package is no Django app: import it.

See docs/reference/http.md. `permitted` is its rule for addresses, for integrations with a client of another protocol.
"""

from integrations.extras import need

need("http")

from integrations.http.addresses import networks, permitted
from integrations.http.circuits import Breaker, Circuits
from integrations.http.client import Client
from integrations.http.limits import Limits
from integrations.http.response import Response

__all__ = ["Breaker", "Circuits", "Client", "Limits", "Response", "networks", "permitted"]
