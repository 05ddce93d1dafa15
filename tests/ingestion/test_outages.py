"""Which errors of storages and HTTP libraries go away by themselves: one row and one case each, closed by default."""

from __future__ import annotations

import errno
import socket
import subprocess
import sys
from typing import Any

import pytest
from boto3 import exceptions as boto3
from botocore import exceptions as botocore
from s3transfer import exceptions as s3transfer
from urllib3 import exceptions as urllib3

from ingestion.core.transient_errors import is_outage


def answer(code: str, status: int = 400) -> botocore.ClientError:
    response: Any = {"Error": {"Code": code, "Message": "?"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return botocore.ClientError(response, "PutObject")


def upload_failed(by: Exception) -> BaseException:
    try:
        try:
            raise by
        except type(by):
            raise boto3.S3UploadFailedError("Failed to upload")  # noqa: B904  as boto3 itself raises it
    except boto3.S3UploadFailedError as error:
        return error


def foreign(module: str, name: str, base: type[Exception] = Exception, **attributes: Any) -> Exception:
    """An error of a library that is not installed here."""
    made = type(name, (base,), {"__module__": module})()
    for attribute, value in attributes.items():
        setattr(made, attribute, value)
    return made


PASSING = [
    botocore.EndpointConnectionError(endpoint_url="https://s3"),
    botocore.ConnectTimeoutError(endpoint_url="https://s3"),
    botocore.ReadTimeoutError(endpoint_url="https://s3"),
    botocore.ConnectionClosedError(endpoint_url="https://s3"),
    botocore.HTTPClientError(error="?"),
    botocore.ResponseStreamingError(error="?"),
    botocore.IncompleteReadError(actual_bytes=1, expected_bytes=2),
    boto3.RetriesExceededError(None),
    s3transfer.RetriesExceededError(None),
    answer("SlowDown", 503),
    answer("ThrottlingException"),
    answer("RequestTimeout"),
    answer("InternalError", 500),
    answer("Unheard of", 502),
    answer("TooMany", 429),
    upload_failed(answer("SlowDown", 503)),
    urllib3.ProtocolError("?"),
    urllib3.ReadTimeoutError(None, "", "?"),  # type: ignore[arg-type]
    foreign("requests.exceptions", "ConnectionError", OSError),
    foreign("requests.exceptions", "ChunkedEncodingError", OSError),
    foreign("google.api_core.exceptions", "GoogleAPICallError", code=503),
    foreign("google.auth.exceptions", "TransportError"),
    foreign("azure.core.exceptions", "ServiceRequestError"),
    foreign("azure.core.exceptions", "HttpResponseError", status_code=429),
    ConnectionResetError(),
    TimeoutError(),
    socket.gaierror(socket.EAI_AGAIN, "?"),
    OSError(errno.EHOSTUNREACH, "?"),
    OSError(errno.ESTALE, "?"),
]
LASTING = [
    botocore.SSLError(endpoint_url="https://s3", error="?"),
    botocore.ProxyConnectionError(proxy_url="http://p", error="?"),
    botocore.NoCredentialsError(),
    botocore.ParamValidationError(report="?"),
    botocore.BotoCoreError(),
    answer("AccessDenied", 403),
    answer("NoSuchBucket", 404),
    answer("InvalidAccessKeyId", 403),
    upload_failed(answer("AccessDenied", 403)),
    boto3.S3UploadFailedError("nobody says why"),
    foreign("requests.exceptions", "SSLError", OSError),
    foreign("google.api_core.exceptions", "GoogleAPICallError", code=403),
    foreign("azure.core.exceptions", "HttpResponseError", status_code=404),
    OSError(errno.ENOSPC, "?"),
    OSError(errno.EIO, "?"),
    PermissionError(errno.EACCES, "?"),
    FileNotFoundError(),
    ValueError(),
    RuntimeError(),
]


@pytest.mark.parametrize("error", PASSING, ids=lambda error: f"{type(error).__module__}-{error}"[:60])
def test_what_goes_away_by_itself(error: Exception) -> None:
    assert is_outage(error)


@pytest.mark.parametrize("error", LASTING, ids=lambda error: f"{type(error).__module__}-{error}"[:60])
def test_what_waits_for_somebody(error: Exception) -> None:
    assert not is_outage(error)


@pytest.mark.slow
def test_no_library_of_a_storage_is_imported_for_it() -> None:
    program = (
        "import sys; sys.modules.update(botocore=None, boto3=None, urllib3=None)\n"
        "from ingestion.core.transient_errors import is_outage\n"
        "assert is_outage(TimeoutError()) and not is_outage(ValueError())"
    )

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
