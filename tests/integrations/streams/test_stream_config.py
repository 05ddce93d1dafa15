"""Which stream is read and where: what a declaration, a credential and a config may say."""

from __future__ import annotations

from typing import Any

import pytest

from ingestion import ConfigurationError, CredentialError, Secret, TenantRef, Transient
from ingestion.core.errors import IngestionError
from ingestion.redaction import forget, mask
from integrations.streams import RedisStream
from tests.ingestion.runs import load, new_tenant, over
from tests.integrations.streams.conftest import KeptRedis
from tests.integrations.streams.contexts import context
from tests.integrations.streams.entries import (
    add_items,
    failure,
    reading,
    stream_of,
)

pytestmark = pytest.mark.django_db


def test_what_is_no_stream_is_a_configuration_error(stream_redis: KeptRedis) -> None:
    tenant = new_tenant()
    with stream_redis.client() as client:
        client.rpush(stream_of(tenant), "a")

    run = load(reading(stream_redis), tenant)

    assert failure(run) == ("failed", "ConfigurationError")
    assert "not a stream" in run.error_message


def test_a_refused_credential_pauses_the_connection(stream_redis: KeptRedis) -> None:
    tenant = new_tenant()
    with stream_redis.client() as client:
        client.acl_setuser(
            "reader", reset=True, enabled=True, passwords=["+right"], keys=["other:*"], commands=["+@all"]
        )
    other = stream_redis.url.replace("unix://", "unix://reader:{}@")

    wrong = load(_at(other.format("wrong")), tenant)
    not_allowed = load(_at(other.format("right")), new_tenant())

    assert failure(wrong) == failure(not_allowed) == ("failed", "CredentialError")
    wrong.connection.refresh_from_db()
    assert wrong.connection.is_paused
    assert "wrong" not in wrong.error_message


def _at(url: str) -> Any:
    return over([], source=RedisStream("orders:{tenant}", url=url))


def test_one_url_for_all_tenants_needs_the_tenant_in_the_streams_name() -> None:
    with pytest.raises(ConfigurationError):
        RedisStream("orders", url="redis://localhost")


def test_the_config_cannot_name_another_stream_on_a_shared_server(stream_redis: KeptRedis) -> None:
    mine, theirs = new_tenant(), new_tenant()
    add_items(stream_redis, theirs, 1, 2)
    source = RedisStream("orders:{tenant}", url=stream_redis.url)

    page = source.preview(context(mine.ref, config={"stream": stream_of(theirs)}))

    assert page.records == []


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("", CredentialError),
        ("unix:///tmp/socket", ConfigurationError),
        ("redis://127.0.0.1:6379/0", ConfigurationError),
        ("rediss://127.0.0.1:6379/0", ConfigurationError),
        ("redis://[::1]/0", ConfigurationError),
        ("redis://169.254.169.254/0", ConfigurationError),
        ("redis://[::ffff:10.0.0.1]/0", ConfigurationError),
        ("redis://[64:ff9b::7f00:1]/0", ConfigurationError),
        ("redis://[::127.0.0.1]/0", ConfigurationError),
        ("redis://[fec0::1]/0", ConfigurationError),
        ("redis://192.88.99.1/0", ConfigurationError),
        ("redis://[2600::5efe:7f00:1]/0", ConfigurationError),
        ("redis://[4000::1]/0", ConfigurationError),
        ("redis://100.64.0.1/0", ConfigurationError),
        ("redis://localhost/0", ConfigurationError),
        ("redis://2130706433/0", ConfigurationError),
        ("redis://203.0.113.7/0?private_networks=0.0.0.0/0", ConfigurationError),
        ("redis://nowhere.invalid/0", Transient),
    ],
)
def test_an_address_that_a_tenant_gives_leads_to_no_private_network(url: str, error: type[IngestionError]) -> None:
    secret = Secret({"url": url})
    ctx = context(TenantRef(1, "acme"), config={"stream": "orders"}, credential=lambda: secret)

    with pytest.raises(error):
        RedisStream().test(ctx)


@pytest.mark.parametrize("in_code", [True, False])
def test_the_password_inside_an_address_is_masked_by_itself(in_code: bool) -> None:
    url = "redis://user:pass%2Fword%2B1@127.0.0.1:1/0"  # nobody answers there
    ctx = context(TenantRef(1, "acme"), config={"stream": "orders"}, credential=lambda: Secret({"url": url}))
    source = RedisStream("orders:{tenant}", url=url) if in_code else RedisStream()

    with pytest.raises(IngestionError):
        source.test(ctx)

    assert mask("AUTH user pass/word+1, or pass%2Fword%2B1", 1) == "AUTH user [secret], or [secret]"
    forget()


def test_a_private_network_that_is_allowed_is_called() -> None:
    secret = Secret({"url": "redis://127.0.0.1:1/0"})  # nobody answers there
    ctx = context(
        TenantRef(1, "acme"), config={"stream": "orders"}, credential=lambda: secret, private_networks=("127.0.0.0/8",)
    )

    with pytest.raises(Transient):
        RedisStream().test(ctx)


def test_no_stream_named_is_a_configuration_error() -> None:
    ctx = context(TenantRef(1, "acme"), credential=lambda: Secret({"url": "redis://203.0.113.7"}))

    with pytest.raises(ConfigurationError):
        RedisStream().test(ctx)


def test_an_address_never_shows_in_the_sources_repr() -> None:
    assert "secret" not in repr(RedisStream("orders:{tenant}", url="redis://:secret@host"))


def test_a_key_that_nothing_reads_is_refused_with_the_nearest_one() -> None:
    RedisStream(keys=["team"]).check_config({"stream": "orders", "integration": "eu", "team": "north"})

    with pytest.raises(ConfigurationError, match=r"did you mean `stream`\?"):
        RedisStream().check_config({"streams": "orders"})
    with pytest.raises(ConfigurationError, match=r"`stream` is no key .*: the pipeline's code says which stream"):
        RedisStream("orders:{tenant}", url="redis://queue.internal").check_config({"stream": "orders"})
