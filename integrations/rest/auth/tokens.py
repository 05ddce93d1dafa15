"""Requests tokens from an OAuth 2 token endpoint (RFC 6749). No error and no log line holds what is sent or comes."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote, urlsplit

from ingestion import Context, CredentialError, HeldOff, IngestionError, SourceChanged, Transient
from integrations.http import Limits, Response
from integrations.http.codes import is_later
from integrations.http.limits import DEFAULT
from integrations.http.retry_after import retry_after
from integrations.rest.auth.transport_hook import Connect

_REFUSED_STATUSES = frozenset({400, 401, 403})
_ERROR_CODE = re.compile(r"[a-z]{2,20}([_-][a-z]{1,20}){0,5}")
"""The shape of error codes, of the standard (RFC 6749, 5.2) and of sources; few tokens have it."""
_TEMPORARY_CODES = frozenset({"temporarily_unavailable", "server_error"})
"""Codes by which a token endpoint reports a problem of its own."""
_LIMITS = Limits(deadline=20, body_bytes=256 * 1024, wire_bytes=256 * 1024)
"""Well within the time for which other workers wait for the exchange."""


@dataclass(frozen=True, slots=True)
class TokenEndpoint:
    """A token endpoint, and how the client identifies itself to it."""

    url: str
    client_auth: Literal["body", "basic"]
    connect: Connect

    def request_token(
        self, ctx: Context, form: Mapping[str, str], secret: Mapping[str, str], *, repeatable: bool
    ) -> dict[str, Any]:
        """The token response, with an `access_token`. A `repeatable` request is sent again after a failure.

        Raises CredentialError for a refusal, also with status 200; SourceChanged for an unusable response; Transient.
        """
        headers, fields = self._client_identification(secret)
        with self.connect(ctx, self.url, secret_headers=headers, limits=_LIMITS) as client:
            form_data = {**form, **fields}
            response = client.request("POST", self.url, data=form_data, idempotent=repeatable, accept=_REFUSED_STATUSES)
        if response.status in _REFUSED_STATUSES:
            raise self._refusal_of(ctx, response, _error_code(response), secret)
        payload = response.json()
        token = payload.get("access_token") if isinstance(payload, dict) else None
        if not token and (code := _error_code(response)):  # some refuse with status 200
            raise self._refusal_of(ctx, response, code, secret)
        if not isinstance(token, str) or not token:
            raise SourceChanged("The token address answered without an access_token. Is its address right?")
        if not token.isascii() or not token.isprintable() or " " in token:
            raise SourceChanged("The token address answered with a token that no header can carry.")
        return dict(payload)

    def _refusal_of(self, ctx: Context, response: Response, code: str, secret: Mapping[str, str]) -> IngestionError:
        """The error of a refusal. A refusal for too many calls holds all workers off, as a 429 does."""
        if not is_later(code):
            return _refusal(response, code, secret)
        wait = retry_after(response.headers, DEFAULT.retry_after_cap) or DEFAULT.backoff_cap
        ctx.hold_off(wait)
        host = urlsplit(self.url).hostname or ""
        return HeldOff(f"The token address says that there were too many calls ({code}).", retry_after=wait, host=host)

    def _client_identification(self, secret: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
        client_id, client_secret = secret.get("client_id", ""), secret.get("client_secret", "")
        if self.client_auth == "basic":
            pair = f"{quote(client_id, safe='')}:{quote(client_secret, safe='')}"  # RFC 6749, 2.3.1
            return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}, {}
        return {}, {key: value for key, value in (("client_id", client_id), ("client_secret", client_secret)) if value}


def lifetime(token_response: Mapping[str, Any]) -> float | None:
    """Seconds until the token ends, None when the source does not say."""
    try:
        seconds = float(token_response.get("expires_in") or "nan")
    except (TypeError, ValueError):
        return None
    return seconds if 0 < seconds < 10**9 else None


def _error_code(response: Response) -> str:
    """The error code of the response; '' when it has none, or is no JSON."""
    try:
        payload = response.json()
    except Exception:  # noqa: BLE001  whatever it is, the status says enough
        return ""
    code = payload.get("error") if isinstance(payload, dict) else None
    if isinstance(code, dict):  # {"error": {"code": …}}
        code = code.get("code") or code.get("type")
    return code if isinstance(code, str) else ""


def _refusal(response: Response, code: str, secret: Mapping[str, str]) -> CredentialError | Transient:
    """The error of a refusal by the token endpoint. Its own text is in no message: it may quote what was sent."""
    if code in _TEMPORARY_CODES:
        return Transient(f"The token address has a problem of its own ({code}).")
    is_sent_value = any(value and (value in code or code in value) for value in secret.values())
    reason = code if _ERROR_CODE.fullmatch(code) and not is_sent_value else f"status {response.status}"
    return CredentialError(
        f"The token address refused this tenant's credential ({reason}). Store a new one, or grant access again, then "
        "resume the connection."
    )
