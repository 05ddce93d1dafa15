"""A Redis Stream read through a consumer group."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import unquote

import redis
from redis import exceptions
from redis.backoff import NoBackoff
from redis.retry import Retry

from ingestion import (
    ConfigurationError,
    Context,
    CredentialError,
    Json,
    Keys,
    Page,
    Transient,
    check_keys,
    did_you_mean,
    json_page,
    require_keys,
)
from ingestion.redaction import remember
from integrations.streams.bounded import SECONDS, BoundedParser
from integrations.streams.bounds import require_counts, require_seconds
from integrations.streams.checked import checked_client
from integrations.streams.group import ConsumerGroup
from integrations.streams.queue import Queue

_OPTIONS: dict[str, Any] = {"socket_connect_timeout": 5.0, "socket_timeout": 10.0, "protocol": 2}
_REPLY_OVERHEAD = 64 * 1024
"""Bytes of a reply beside its entries, and for replies without entries."""
_GROUP_MISSING = "NOGROUP"
_NOT_NOW = ("BUSY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "MISCONF")


@dataclass(frozen=True, slots=True)
class RedisStream:
    """Entries of one stream, oldest first, each at least once; loading makes that once in effect.

    The address of Redis comes from one of two places. With `url` in code, one Redis serves all tenants: `stream` must
    contain `{tenant}`, which is replaced by the tenant's key. Without `url`, the tenant's credential holds the address
    ("url"), and the connection's config may name the "stream".

    An entry is one JSON object in its field `field`, or, with `field=""`, all of its fields as an object of texts.
    """

    stream: str = ""
    url: str = field(default="", repr=False)  # it may hold a password
    group: str = "ingestion"
    field: str = "data"
    key: str = "id"
    """The object's member with the record's id; with '' the entry's id is the key."""
    page_size: int = 1000
    limit: int = 100_000
    """Entries of one run at most."""
    claim_after: float = 600.0
    """Seconds without acknowledgement after which another consumer's entries are taken over."""
    largest: int = 8 * 1024 * 1024
    """Bytes of an entry, and of one reply of Redis; of a larger entry only the id is kept, in a dead letter."""
    trim: bool = False
    """Delete entries that every group of the stream has acknowledged; a group created later will not see them."""
    keys: Keys = ()
    """Further keys of a connection's config, for functions of your own: their names, or a pydantic model of them."""

    def __post_init__(self) -> None:
        require_counts("RedisStream", page_size=self.page_size, limit=self.limit, largest=self.largest)
        require_seconds("RedisStream", claim_after=self.claim_after)
        for name, text in (("stream", self.stream), ("url", self.url), ("group", self.group), ("field", self.field)):
            if not isinstance(text, str):
                raise ConfigurationError(f"{name} of RedisStream must be a text; it is of type {type(text).__name__}.")
        if not self.group:
            raise ConfigurationError("group of RedisStream must be the name of a consumer group.")
        if self.url and self.url.partition("://")[0] not in ("redis", "rediss", "unix"):
            raise ConfigurationError("url of RedisStream must begin with redis://, rediss:// or unix://.")
        for name in re.findall(r"\{(\w+)\}", self.stream):
            if name != "tenant" and did_you_mean(name, ["tenant"], cutoff=0.75):
                raise ConfigurationError(f"stream of RedisStream has {{{name}}}; did you mean {{tenant}}?")
        if not isinstance(self.trim, bool):
            raise ConfigurationError(f"trim of RedisStream must be True or False; it is {self.trim!r}.")
        json_page((), self.key)  # refuses what cannot name a key
        require_keys("RedisStream", self.keys)
        if self.url and "{tenant}" not in self.stream:
            raise ConfigurationError(
                f"RedisStream({self.stream!r}) has one url for all tenants; put {{tenant}} into the stream's name, or "
                'leave url out and store each tenant\'s own in its credential ("url").'
            )

    def check_config(self, config: Mapping[str, Any]) -> None:
        """Refuse unknown keys; with `url` in code the config cannot choose the stream either."""
        stream_key = () if self.url else ("stream",)
        check_keys(config, ("integration", *stream_key), self.keys, source=self, advice=self._advice)
        if not self.url:
            self._configured_name(config)

    def _advice(self, key: str) -> str:
        return f": the pipeline's code says which stream is read, {self.stream!r}." if key == "stream" else ""

    def totals_of(self, ctx: Context) -> Collection[str]:
        return ()

    def extract(self, ctx: Context, checkpoint: Json) -> Iterator[Page]:
        yield from self._queue().extract(ctx, checkpoint)

    def is_stream(self) -> bool:
        return True

    def preview(self, ctx: Context) -> Page:
        return self._queue().preview(ctx)

    def test(self, ctx: Context) -> str:
        return self._queue().test(ctx)

    def _queue(self) -> Queue:
        return Queue(self.open, self.key, self.page_size, self.limit)

    @contextmanager
    def open(self, ctx: Context) -> Iterator[ConsumerGroup]:
        """The tenant's consumer group of the stream; errors of Redis are raised as errors that say who has to act."""
        name = self._stream_name(ctx)
        consumer = f"{ctx.tenant.key}:{ctx.pipeline}"
        with translate_errors(name), self._client(ctx) as client:
            subscription = ConsumerGroup(client, name, self.group, consumer, self.field, round(self.claim_after * 1000))
            if not ctx.dry_run and ctx.run_id:
                subscription.ensure()
            yield subscription
            if self.trim and not ctx.dry_run and ctx.run_id:
                subscription.trim()

    def _stream_name(self, ctx: Context) -> str:
        declared_name = self.stream.replace("{tenant}", ctx.tenant.key)
        return declared_name if self.url else self._configured_name(ctx.config) or declared_name

    def _configured_name(self, config: Mapping[str, Any]) -> str:
        """The stream that `config` names; '' where the stream of the declaration is read."""
        name = config.get("stream", "")
        if isinstance(name, bool) or not isinstance(name, str | int):
            raise ConfigurationError("`stream` of the connection's config is the name of a stream, a text.")
        if "{tenant}" in str(name):
            raise ConfigurationError(
                "`stream` of the connection's config is taken as it is written: put the tenant's key for {tenant}."
            )
        if not (str(name).strip() or self.stream):
            raise ConfigurationError('No stream is named; set "stream" in the connection\'s config.')
        return str(name)

    def _client(self, ctx: Context) -> redis.Redis:
        options = {
            **_OPTIONS,
            "retry": Retry(NoBackoff(), 0),  # the engine retries the run later, which occupies no worker
            "socket_timeout": max(0.1, min(_OPTIONS["socket_timeout"], ctx.left())),
            "parser_class": partial(
                BoundedParser, budget=self.largest + _REPLY_OVERHEAD, seconds=min(SECONDS, ctx.left())
            ),
        }
        if self.url:
            _register_password(self.url, None)
            return redis.Redis.from_url(self.url, **options)
        url = ctx.credential().values.get("url", "")
        if not url:
            raise CredentialError('The credential has no "url"; store one like rediss://user:password@host:6379/0.')
        _register_password(url, ctx.tenant.id)
        return checked_client(url, ctx.private_networks, **options)


def _register_password(url: str, tenant: int | None) -> None:
    """Have the password of `url` masked in all texts, as it is encoded there and as it is sent to Redis."""
    password = url.partition("://")[2].partition("/")[0].rpartition("@")[0].partition(":")[2]
    remember([password, unquote(password)], tenant)


@contextmanager
def translate_errors(stream: str) -> Iterator[None]:
    """Raise Redis' errors as the engine's. Messages name the stream, never the address, which may hold a password."""
    try:
        yield
    except (redis.AuthenticationError, exceptions.AuthorizationError, exceptions.NoPermissionError) as error:
        raise CredentialError(f"Redis refused the credential for the stream {stream!r}.") from error
    except (redis.ConnectionError, redis.TimeoutError, redis.ReadOnlyError, exceptions.OutOfMemoryError) as error:
        raise Transient(f"Redis cannot be reached: {type(error).__name__}.") from error
    except redis.InvalidResponse as error:
        raise ConfigurationError(f"What is behind the address of {stream!r} does not speak Redis' protocol.") from error
    except redis.ResponseError as error:
        raise _response_error(str(error), stream) from error


def _response_error(message: str, stream: str) -> Exception:
    """The error that an error reply of Redis means, by the code at its beginning."""
    code = message.split(" ", 1)[0]
    if code == "WRONGTYPE":
        return ConfigurationError(f"{stream!r} is in Redis but is not a stream; look at the stream's name.")
    if code == _GROUP_MISSING:
        return Transient(f"The consumer group of {stream!r} was deleted while it was read; the next attempt makes it.")
    if code in _NOT_NOW:
        return Transient(f"Redis cannot answer now: {code}.")
    return ConfigurationError(
        f"Redis did not understand a command on {stream!r} ({message[:200]}); it must be 6.2 or newer."
    )
