"""The error that each HTTP status means; an unlisted status is an error too. The error class says who has to act."""

from __future__ import annotations

from collections.abc import Mapping

from ingestion import CredentialError, HeldOff, IngestionError, SourceChanged, Transient
from integrations.http.codes import says_later
from integrations.http.limits import Limits
from integrations.http.retry_after import exhausted_for, retry_after

_LATER = frozenset({408, 421, 425, 429})
"""Statuses of a refusal that passes with time, although the 400s are the caller's fault."""
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_CREDENTIAL_REFUSED = frozenset({401, 403, 407})


def is_redirect(status: int) -> bool:
    return status in _REDIRECTS


def requested_wait(status: int, headers: Mapping[str, str], limits: Limits) -> float | None:
    """Seconds for which the source wants no further calls; None when its headers do not say so."""
    until_renewal = exhausted_for(headers, limits.retry_after_cap)
    if status == 429 or status == 503 or status == 403:
        seconds = retry_after(headers, limits.retry_after_cap)
        return seconds if seconds is not None else until_renewal
    return until_renewal


def status_error(
    status: int, headers: Mapping[str, str], label: str, limits: Limits, body: bytes = b"", host: str = ""
) -> IngestionError | None:
    """The error that `status` of `host` means; None for success. `label` names the call without secrets.

    A 403 is a refused credential unless its headers or its body report too many calls. Any other 4xx whose body has a
    code for too many calls means the same: Amazon answers 400 with ThrottlingException.
    """
    if 200 <= status < 300:
        return None
    wait = requested_wait(status, headers, limits)
    if status in _CREDENTIAL_REFUSED and not (status == 403 and (wait is not None or says_later(body))):
        return CredentialError(
            f"{label} answered {status}: the source refused this tenant's credential. Renew it or grant it the rights "
            "that this call needs, then resume the connection."
        )
    if status in _LATER or status == 403 or (400 <= status < 500 and says_later(body, words=False)):
        return HeldOff(f"{label} answered {status}: too many calls, or not now.", retry_after=wait, host=host)
    if status >= 500:
        text = f"{label} answered {status}: the source has a problem of its own."
        return Transient(text) if wait is None else HeldOff(text, retry_after=wait, host=host)
    if is_redirect(status):
        return SourceChanged(f"{label} answered {status}, a redirect that is not followed. Has its address changed?")
    return SourceChanged(f"{label} answered {status}. Does the source still offer this address, with these parameters?")
