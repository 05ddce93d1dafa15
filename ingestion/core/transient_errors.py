"""Is an error an outage between us and another machine, which goes away by itself? A table, closed by default.

It is about what storage backends and HTTP libraries raise. They are named by text and found by the error's own
classes, so none of them has to be installed. What is not listed is no outage: a missing bucket, a refused credential
and a certificate that cannot be trusted need somebody to act.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Mapping
from typing import Any

_CLASSES: Mapping[str, bool] = {
    # botocore: what its own retries have given up on. The two below are connection errors that no wait will mend.
    "botocore.exceptions.SSLError": False,
    "botocore.exceptions.ProxyConnectionError": False,
    "botocore.exceptions.ConnectionError": True,  # EndpointConnectionError, ConnectTimeoutError
    "botocore.exceptions.HTTPClientError": True,  # ReadTimeoutError, ConnectionClosedError, ResponseStreamingError
    "botocore.exceptions.IncompleteReadError": True,
    "boto3.exceptions.RetriesExceededError": True,
    "s3transfer.exceptions.RetriesExceededError": True,
    # google-cloud-storage and azure-storage-blob, which django-storages also speaks
    "google.api_core.exceptions.RetryError": True,
    "google.auth.exceptions.TransportError": True,
    "azure.core.exceptions.ServiceRequestError": True,
    "azure.core.exceptions.ServiceResponseError": True,
    # What those and others let through of the libraries below them
    "urllib3.exceptions.SSLError": False,
    "urllib3.exceptions.ProtocolError": True,
    "urllib3.exceptions.TimeoutError": True,
    "urllib3.exceptions.NewConnectionError": True,
    "requests.exceptions.SSLError": False,
    "requests.exceptions.ProxyError": False,
    "requests.exceptions.ConnectionError": True,
    "requests.exceptions.Timeout": True,
    "requests.exceptions.ChunkedEncodingError": True,
}
_ANSWERS = {"botocore.exceptions.ClientError", "google.api_core.exceptions.GoogleAPICallError",
            "azure.core.exceptions.HttpResponseError"}  # fmt: skip
"""The service answered, with a status and a code."""
_STATUSES = frozenset({408, 429, 500, 502, 503, 504})
_CODES = frozenset({
    "BandwidthLimitExceeded", "InternalError", "OperationAborted", "PriorRequestNotComplete", "RequestLimitExceeded",
    "RequestThrottled", "RequestThrottledException", "RequestTimeout", "RequestTimeoutException", "ServiceUnavailable",
    "SlowDown", "Throttling", "ThrottlingException", "ThrottledException", "TooManyRequestsException",
    "TransactionInProgressException",
})  # fmt: skip
"""Of AWS and what speaks like it, whatever the status (some throttle with 400)."""
_WRAPPERS = {"boto3.exceptions.S3UploadFailedError"}
"""Say what happened only through the error they were raised from."""
_ERRNOS = frozenset({
    errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENETDOWN, errno.ENETRESET, errno.ENETUNREACH, errno.ESTALE,
    errno.ETIMEDOUT,
})  # fmt: skip
"""A network, or a network disk, that is away. Not ENOSPC and EIO: a full or broken disk waits for somebody."""


def is_outage(error: BaseException) -> bool:
    """True when the same call may succeed later without any intervention."""
    names = [f"{error_class.__module__}.{error_class.__qualname__}" for error_class in type(error).__mro__]
    for name in names:
        if name in _ANSWERS:
            return _answered_later(error)
        if name in _WRAPPERS:
            inner = error.__cause__ or error.__context__
            return inner is not None and is_outage(inner)
        if name in _CLASSES:
            return _CLASSES[name]
    if isinstance(error, ConnectionError | TimeoutError):
        return True
    if isinstance(error, socket.gaierror):
        return True
    return isinstance(error, OSError) and error.errno in _ERRNOS


def _answered_later(error: Any) -> bool:
    """Whether the error's code, or else its status, is transient; each library keeps them in another place."""
    response = getattr(error, "response", None)
    if isinstance(response, dict):  # botocore
        if response.get("Error", {}).get("Code") in _CODES:
            return True
        status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    else:
        status = getattr(error, "status_code", None) or getattr(error, "code", None)
    return status in _STATUSES
