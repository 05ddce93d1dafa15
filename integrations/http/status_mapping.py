"""What a status means: a table, closed by default. The classes say who has to act."""

from __future__ import annotations

from collections.abc import Mapping

from ingestion import CredentialError, HeldOff, IngestionError, SourceChanged, Transient
from integrations.http.codes import says_later
from integrations.http.limits import Limits
from integrations.http.retry_after import exhausted_for, retry_after

_LATER = frozenset({408, 421, 425, 429})
"""Refused now, welcome later, although the 400s are the caller's fault."""
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_SECRETS = frozenset({401, 403, 407})


def redirects(status: int) -> bool:
    return status in _REDIRECTS


def wait_asked(status: int, headers: Mapping[str, str], limits: Limits) -> float | None:
    """Seconds that the source asks everybody to wait, None when it does not."""
    renewed = exhausted_for(headers, limits.retry_after_cap)
    if status == 429 or status == 503 or status == 403:
        asked = retry_after(headers, limits.retry_after_cap)
        return asked if asked is not None else renewed
    return renewed


def refusal(
    status: int, headers: Mapping[str, str], what: str, limits: Limits, body: bytes = b"", host: str = ""
) -> IngestionError | None:
    """The error that `status` of `host` means, None for success. `what` is the call in words that hold no secret.

    A 403 is a refused credential unless its headers or its body say that there were too many calls. Any other status
    of the caller's fault that has a code for that means it too: Amazon answers 400 with ThrottlingException.
    """
    if 200 <= status < 300:
        return None
    asked = wait_asked(status, headers, limits)
    if status in _SECRETS and not (status == 403 and (asked is not None or says_later(body))):
        return CredentialError(
            f"{what} answered {status}: the source refused this tenant's credential. Renew it or grant it the rights "
            "that this call needs, then resume the connection."
        )
    if status in _LATER or status == 403 or (400 <= status < 500 and says_later(body, words=False)):
        return HeldOff(f"{what} answered {status}: too many calls, or not now.", retry_after=asked, host=host)
    if status >= 500:
        text = f"{what} answered {status}: the source has a problem of its own."
        return Transient(text) if asked is None else HeldOff(text, retry_after=asked, host=host)
    if redirects(status):
        return SourceChanged(f"{what} answered {status}, a redirect that is not followed. Has its address changed?")
    return SourceChanged(f"{what} answered {status}. Does the source still offer this address, with these parameters?")
