"""The seam where tests put their own transport under the one HTTP client."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from ingestion import Context
from integrations.http import Client, Limits


class Connect(Protocol):
    """Makes a client; outside of tests it is `integrations.http.Client` itself."""

    def __call__(
        self,
        ctx: Context,
        origin: str,
        *,
        secret_headers: Mapping[str, str] | None = None,
        secret_params: Mapping[str, str] | None = None,
        limits: Limits = ...,
    ) -> Client: ...
