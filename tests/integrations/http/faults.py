"""The faults: what servers, proxies and networks do to a call."""

from __future__ import annotations

import gzip
import zlib
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import cache

from tests.integrations.http.server import Exchange, Fault

OK = b'{"ok": true}'


def ok(on: Exchange) -> None:
    on.answer(200, OK)


def status(code: int, *headers: str, body: bytes = b"") -> Fault:
    return lambda on: on.answer(code, body, *headers)


def recovering(code: int, times: int, *headers: str) -> Fault:
    return lambda on: on.answer(code, b"", *headers) if on.number < times else ok(on)


def once(fault: Fault) -> Fault:
    return lambda on: fault(on) if on.number == 0 else ok(on)


def http_date(seconds: float) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


def retry_at_date(on: Exchange) -> None:
    if on.number:
        return ok(on)
    return on.answer(429, b"", f"Retry-After: {http_date(1)}", f"Date: {http_date(0)}")


def reset_at_once(on: Exchange) -> None:
    on.reset()


def reset_in_headers(on: Exchange) -> None:
    on.send(b"HTTP/1.1 200 OK\r\nContent-Le")
    on.reset()


def reset_in_body(on: Exchange) -> None:
    on.send(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"a": ')
    on.idle(0.05)
    on.reset()


def closed_at_once(on: Exchange) -> None:
    on.connection.close()


def silent(on: Exchange) -> None:
    on.idle(8)


def slow_headers(on: Exchange) -> None:
    on.send(b"HTTP/1.1 200 OK\r\n")
    while on.idle(0.1):
        on.send(b"X-More: 1\r\n")


def slow_drip(on: Exchange) -> None:
    on.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while on.idle(0.1):
        on.send(b"x")


def truncated(on: Exchange) -> None:
    on.send(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"ok": tr')
    on.connection.close()


def too_short_length(on: Exchange) -> None:
    on.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" + OK)
    on.connection.close()


def two_lengths(on: Exchange) -> None:
    on.send(b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\nContent-Length: 5\r\n\r\n" + OK)


def senseless_length(on: Exchange) -> None:
    on.send(b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n" + OK)


def cut_without_length(on: Exchange) -> None:
    on.send(b'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{"ok": tr')
    on.connection.close()


def garbled_chunks(on: Exchange) -> None:
    on.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n")


def cut_chunks(on: Exchange) -> None:
    on.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n{")
    on.connection.close()


def no_http(on: Exchange) -> None:
    on.send(b"220 mail.example.com ESMTP ready\r\n\r\n")


def web_page(on: Exchange) -> None:
    on.answer(200, b"<!DOCTYPE html><html><form action=/login></form></html>", "Content-Type: text/html")


def no_json(on: Exchange) -> None:
    on.answer(200, b'{"ok": tru', "Content-Type: application/json")


def deep_json(on: Exchange) -> None:
    on.answer(200, b"[" * 100_000)


@cache
def bomb() -> bytes:
    return gzip.compress(b"\0" * 10_000_000)


def gzip_bomb(on: Exchange) -> None:
    """10 MB of zeros in some 10 KB."""
    on.answer(200, bomb(), "Content-Encoding: gzip")


def packed_twice(on: Exchange) -> None:
    on.answer(200, gzip.compress(gzip.compress(OK)), "Content-Encoding: gzip, gzip")


def damaged_gzip(on: Exchange) -> None:
    on.answer(200, b"\x1f\x8b\x08" + b"\xff" * 50, "Content-Encoding: gzip")


def cut_gzip(on: Exchange) -> None:
    on.answer(200, gzip.compress(OK)[:-9], "Content-Encoding: gzip")


def bare_deflate(on: Exchange) -> None:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    on.answer(200, packer.compress(OK) + packer.flush(), "Content-Encoding: deflate")


def zipped(on: Exchange) -> None:
    on.answer(200, gzip.compress(OK), "Content-Encoding: gzip")


def huge_headers(on: Exchange) -> None:
    """Beyond what h11 takes (100 KB) with the rest of a read (64 KB), in whatever pieces they arrive."""
    on.send(b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 500_000 + b"\r\n\r\n")


def endless_headers(on: Exchange) -> None:
    on.send(b"HTTP/1.1 200 OK\r\n")
    while not on.server.closing.is_set():
        on.send(b"X-Many: 1\r\n" * 1000)


def endless_body(on: Exchange) -> None:
    on.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n[")
    while not on.server.closing.is_set():
        on.send(b"1," * 5000)


def endless_interim(on: Exchange) -> None:
    """103 Early Hints for ever: answers that are none."""
    while not on.server.closing.is_set():
        on.send(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100)


def redirect(location: str, code: int = 302) -> Fault:
    return lambda on: on.answer(code, b"", f"Location: {location.format(port=on.server.port, path=on.request.path)}")


FAULTS: dict[str, Fault] = {
    "ok": ok,
    "nothing": status(204),
    "429-seconds": recovering(429, 1, "Retry-After: 1"),
    "429-date": retry_at_date,
    "429-bare": recovering(429, 2),
    "429-huge": status(429, "Retry-After: 1000000000"),
    "429-negative": recovering(429, 1, "Retry-After: -5"),
    "429-senseless": recovering(429, 1, "Retry-After: soon"),
    "429-for-ever": status(429),
    "429-reset": recovering(429, 1, "X-RateLimit-Remaining: 0", "X-RateLimit-Reset: 1"),
    "500-once": recovering(500, 1),
    "500": status(500),
    "502-burst": recovering(502, 5),
    "502": status(502),
    "503-burst": recovering(503, 3, "Retry-After: 0"),
    "503": status(503),
    "503-large": lambda on: on.answer(503, b"x" * 100_000) if on.number < 4 else ok(on),
    "504-burst": recovering(504, 2),
    "504": status(504),
    "reset": reset_at_once,
    "reset-once": once(reset_at_once),
    "reset-in-headers": reset_in_headers,
    "reset-in-body": reset_in_body,
    "reset-in-body-once": once(reset_in_body),
    "closed": closed_at_once,
    "silent": silent,
    "slow-headers": slow_headers,
    "slow-drip": slow_drip,
    "truncated": truncated,
    "truncated-once": once(truncated),
    "too-short-length": too_short_length,
    "two-lengths": two_lengths,
    "senseless-length": senseless_length,
    "cut-without-length": cut_without_length,
    "garbled-chunks": garbled_chunks,
    "cut-chunks": cut_chunks,
    "no-http": no_http,
    "web-page": web_page,
    "no-json": no_json,
    "deep-json": deep_json,
    "gzip-bomb": gzip_bomb,
    "packed-twice": packed_twice,
    "brotli": status(200, "Content-Encoding: br", body=b"\x0b\x05\x80"),
    "damaged-gzip": damaged_gzip,
    "cut-gzip": cut_gzip,
    "deflate": bare_deflate,
    "zipped": zipped,
    "huge-headers": huge_headers,
    "endless-headers": endless_headers,
    "endless-body": endless_body,
    "endless-interim": endless_interim,
    "moved": redirect("/ok"),
    "moved-host": redirect("http://elsewhere.example.com/ok"),
    "moved-port": redirect("http://127.0.0.1:1/ok"),
    "moved-scheme": redirect("https://127.0.0.1:{port}/ok"),
    "moved-file": redirect("file:///etc/passwd"),
    "moved-user": redirect("http://user@127.0.0.1:{port}/ok"),
    "moved-nowhere": redirect("http://[::bad/"),
    "moved-without-location": status(302),
    "loop": redirect("{path}"),
    "not-modified": status(304),
    "400": status(400),
    "401": status(401),
    "403": status(403),
    "400-throttled": once(status(400, body=b'{"__type": "com.amazonaws.x#ThrottlingException"}')),
    "403-limit": recovering(403, 1, "X-RateLimit-Remaining: 0", "X-RateLimit-Reset: 0"),
    "404": status(404),
    "408": recovering(408, 1),
    "409": status(409),
    "410": status(410),
    "422": status(422),
}
