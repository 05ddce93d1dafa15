"""The tests' connection to their database, which they keep."""

from django.test import TransactionTestCase


def keep_between_tests() -> None:
    """Django connects anew after each test that commits, in case a rollback took back what connecting had set.

    Here connecting sets nothing inside a transaction, and a new connection costs its server more than most tests do.
    A test that leaves its connection broken fails in its own teardown, which empties the tables through it.
    """
    if not TransactionTestCase()._should_reload_connections():
        raise RuntimeError("Django keeps connections by itself now: delete this module.")
    TransactionTestCase._should_reload_connections = lambda case: False  # type: ignore[method-assign]
