"""Declares how calls are authenticated. The values themselves lie in the tenant's credential, not in a declaration."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from integrations.rest.auth.declared import ApiKey, Basic, Bearer, ClientCredentials, NoAuth, RefreshToken

Auth = Annotated[NoAuth | Bearer | Basic | ApiKey | ClientCredentials | RefreshToken, Field(discriminator="kind")]

__all__ = ["ApiKey", "Auth", "Basic", "Bearer", "ClientCredentials", "NoAuth", "RefreshToken"]
