"""Reading settings from the environment, strictly: a typo is named, not taken for the default."""

import os
from urllib.parse import parse_qsl, urlsplit

from django.core.exceptions import ImproperlyConfigured

YES = frozenset({"1", "true", "yes", "on"})
NO = frozenset({"", "0", "false", "no", "off"})


def flag(name: str, default: bool = False) -> bool:
    value = os.environ.get(name)
    if value is None:
        return default
    if value.lower() in YES:
        return True
    if value.lower() in NO:
        return False
    raise ImproperlyConfigured(f"{name}={value!r} is neither yes nor no. Set it to 1 or 0.")


def number(name: str, default: int) -> int:
    """A whole number above zero."""
    value = os.environ.get(name) or str(default)
    if not (value.isascii() and value.isdigit() and int(value)):
        raise ImproperlyConfigured(f"{name}={value!r} is no whole number above zero. Set it to one, such as {default}.")
    return int(value)


def words(name: str, default: str = "") -> list[str]:
    """A comma-separated list."""
    return [word.strip() for word in os.environ.get(name, default).split(",") if word.strip()]


def pairs(name: str) -> dict[str, str]:
    """A comma-separated list of `key=value`, in its order. What is wrong with it is said without repeating it."""
    values: dict[str, str] = {}
    for number, word in enumerate(words(name), 1):
        key, equals, value = word.partition("=")
        if not key or not equals or not value or key in values:
            raise ImproperlyConfigured(f"{name}: entry {number} is not id=value with an id of its own.")
        values[key] = value
    return values


def required(name: str, hint: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        raise ImproperlyConfigured(f"{name} is not set. {hint}")
    return value


def with_timeouts(url: str, seconds: int) -> str:
    """A Redis URL whose connections give a server up that does not answer; what the URL says itself stays."""
    named = {name for name, _ in parse_qsl(urlsplit(url).query)}
    added = [f"{name}={seconds}" for name in ("socket_timeout", "socket_connect_timeout") if name not in named]
    return url + (("&" if named else "?") + "&".join(added) if added else "")
