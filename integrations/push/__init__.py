"""Records that a sender pushes over HTTP, signed: `Pushed` is the source, `urls` the endpoint.

See docs/how-to/receive-webhooks-and-pushes.md.
"""

from integrations.push.source import Pushed

__all__ = ["Pushed"]
