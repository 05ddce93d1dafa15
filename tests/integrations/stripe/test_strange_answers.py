"""What must not be taken for the truth: errors inside a 200, keys of another mode or account, places that are gone."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from ingestion import CredentialError, SourceChanged, Transient, actions
from ingestion.models import Run
from integrations.stripe.current_object import fetch_current
from integrations.stripe.kinds import KINDS
from integrations.stripe.objects import split_list
from tests.ingestion.runs import OPERATOR, carry
from tests.integrations.stripe.account import DAY, Account
from tests.integrations.stripe.following import following
from tests.integrations.stripe.reading import context, full, source

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.every_database]
ERROR = {"error": {"type": "api_error", "message": "An unknown error occurred"}}


def answering(account: Account, path: str, status: int, body: Any) -> None:
    """From now on that path is answered with this."""
    as_before = account.answer

    def answer(request: httpx.Request) -> httpx.Response:
        return account._say(status, body) if request.url.path.startswith(path) else as_before(request)

    account.answer = answer  # type: ignore[method-assign]


@pytest.mark.parametrize("path", ["/v1/charges", "/v1/events"])
def test_an_error_inside_a_200_is_no_empty_list(path: str) -> None:
    account = full("charges", 3)
    since = 0 if path == "/v1/charges" else account.now - 3600
    answering(account, path, 200, ERROR)

    with pytest.raises(
        SourceChanged, match=r"asked for a list and answered with something else, an error \(api_error: An unknown"
    ):
        list(source(account, "charges").extract(context(account, since), None))


@pytest.mark.parametrize("body", [ERROR, {}, {"id": "ch_other", "object": "charge"}])
def test_an_object_that_is_answered_with_something_else_is_neither_loaded_nor_gone(body: dict[str, Any]) -> None:
    account = Account()
    identity = account.create("customers")
    account.now += DAY

    with following(account, "customers") as follower:
        follower.run()
        answering(account, "/v1/customers/", 200, body)
        told = account.update(identity)
        run = follower.make()
        carry(run)

        assert told
        assert (run.state, run.error_class) == (Run.State.FAILED, "SourceChanged")
        assert follower.rows() == {identity: ("1", False)}


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "an empty body."),
        (b"<html>Sign in", "a web page."),
        (b"\x1f\x8b", "what is no object of Stripe's."),
        (b'{"object": "charge", "email": "ada@example.com"}', "an object 'charge': Object missing"),
        (b'{"Data": []}', "an object that names no kind: "),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_came_in_the_place_of_a_list_is_told_without_its_values(body: bytes, told: str) -> None:
    with pytest.raises(SourceChanged) as refused:
        split_list(body)

    assert f"asked for a list and answered with something else, {told}" in str(refused.value)
    assert "ada@" not in str(refused.value)


def test_a_list_that_was_cut_off_is_asked_for_again() -> None:
    with pytest.raises(Transient, match="ends in the middle"):
        split_list(b'{"object": "list", "has_more": false, "data": [{"id": "ch_1"')


def test_an_object_in_the_place_of_another_is_told_without_its_values() -> None:
    account = Account()
    answering(account, "/v1/customers/", 200, {"id": "cus_2", "object": "customer", "email": "ada@example.com"})

    with account.open(context(account)) as api, pytest.raises(SourceChanged) as refused:
        fetch_current(api, KINDS["customers"], "cus_1")

    assert str(refused.value) == "Stripe was asked for cus_1 and answered with something else, an object 'customer'."


def test_an_object_of_the_other_mode_is_not_taken_for_deleted() -> None:
    account = Account()
    identity = account.create("customers")
    account.now += DAY

    with following(account, "customers") as follower:
        follower.run()
        message = f"No such customer: '{identity}'; a similar object exists in live mode, but a test mode key was used."
        error = {"type": "invalid_request_error", "code": "resource_missing", "param": "id", "message": message}
        answering(account, "/v1/customers/", 404, {"error": error})
        account.update(identity)
        run = follower.make()
        carry(run)

        assert (run.state, run.error_class) == (Run.State.FAILED, "CredentialError")
        assert "other mode" in run.error_message
        assert follower.rows() == {identity: ("1", False)}


def test_a_restricted_key_s_missing_permission_is_named() -> None:
    account = full("charges", 1)
    message = "The provided key does not have the required permissions. Having 'rak_charge_read' would allow this."
    answering(account, "/v1/charges", 403, {"error": {"type": "invalid_request_error", "message": message}})

    with pytest.raises(CredentialError, match="rak_charge_read"):
        source(account, "charges").test(context(account))


@pytest.mark.slow
def test_another_account_s_key_deletes_nothing() -> None:
    account, other = full("products", 25), full("products", 30)
    account.now = other.now = account.now + 40 * DAY

    with following(account, "products") as follower:
        follower.run()
        before = follower.rows()
        account.objects, account.events = (
            {f"x{key}": {**one, "id": f"x{key}"} for key, one in other.objects.items()},
            [],
        )
        account.now += 40 * DAY
        run = follower.make()
        carry(run)

        assert (run.state, run.error_class) == (Run.State.FAILED, "CredentialError")
        assert "another" in run.error_message
        assert follower.rows() == before


@pytest.mark.slow
def test_an_account_that_was_emptied_can_be_said_to_be() -> None:
    account = full("products", 25)
    account.now += 40 * DAY

    with following(account, "products") as follower:
        follower.run()
        account.objects, account.events = {}, []
        account.now += 40 * DAY
        refused = follower.make()
        carry(refused)
        actions.resume(OPERATOR, follower.connection)
        actions.configure(OPERATOR, follower.connection, {"emptied": True})
        follower.run()

        assert refused.state == Run.State.FAILED
        assert follower.alive() == {}
        assert len(follower.rows()) == 25


def test_a_feed_whose_place_is_gone_is_read_again_and_does_not_end_there() -> None:
    account = full("charges", 150, every=1)
    account.now += 60
    stripe = source(account, "charges")

    def forget(path: str) -> None:
        if account.calls.count("/v1/events") == 1:
            account.events = account.events[60:]  # those that the next page would go on after

    account.meanwhile = forget
    with pytest.raises(Transient, match="read again"):
        list(stripe.extract(context(account, account.now - 3600), None))
