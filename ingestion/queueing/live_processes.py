"""What each live process says of itself, in one hash of Redis: said again now and then, forgotten an hour later."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import django_rq
from redis.exceptions import RedisError
from rq import worker_registration

from ingestion.conf import config
from ingestion.core.errors import Transient
from ingestion.queueing.clients import absence, client

_KEY = "ingestion:processes"
KEPT_SECONDS = 3600.0
"""A process that was idle for longer is not seen; one that died on another machine is seen until then."""
_MANY = 200
"""Entries from which on whoever announces itself looks which are to be forgotten: web processes come and go."""


@dataclass(frozen=True, slots=True)
class Process:
    """One process of the deployment."""

    role: str
    """web, worker or tick."""
    host: str
    pid: int
    namespace: str = ""
    """Where `pid` is a number: two containers may call themselves by one host's name, and both have a process 1."""

    def __str__(self) -> str:
        return f"{self.role} {self.pid} on {self.host}"


@dataclass(frozen=True, slots=True)
class Announcement:
    """What a process said of itself, and how many seconds ago."""

    process: Process
    values: Mapping[str, str]
    seconds_ago: float


def this_process(role: str) -> Process:
    return Process(role, socket.gethostname(), os.getpid(), _namespace())


def announce(process: Process, values: Mapping[str, str]) -> bool:
    """Note what `process` says; False when Redis is away, and then whoever asks finds that out."""
    if absence.away:
        return False
    text = json.dumps({"values": dict(values), "at": time.time()})
    try:
        with client().pipeline(transaction=False) as commands:
            commands.hset(_KEY, json.dumps(asdict(process)), text)
            commands.expire(_KEY, round(2 * KEPT_SECONDS))
            commands.hlen(_KEY)
            *_, entries = commands.execute()
        if entries > _MANY:
            announcements()  # which forgets those that are gone
    except (RedisError, OSError, Transient) as error:
        absence.note(error)  # whoever is next need not wait for it again
        return False
    return True


def announcements(kept_seconds: float = KEPT_SECONDS) -> list[Announcement]:
    """What live processes said in the last `kept_seconds`. Raises Transient when Redis cannot be reached."""
    now, live = time.time(), []
    try:
        redis: Any = client()
        for field, text in redis.hgetall(_KEY).items():
            try:
                process, at, values = _read(field, text)
            except (AttributeError, LookupError, TypeError, ValueError):  # of another version of this code, or planted
                continue
            if now - at > kept_seconds or _is_dead(process):
                redis.hdel(_KEY, field)
            else:
                live.append(Announcement(process, values, max(0.0, now - at)))
    except (RedisError, OSError) as error:
        raise Transient(f"Redis cannot be reached: {error}") from error
    return sorted(live, key=lambda announcement: str(announcement.process))


def _read(field: bytes, text: bytes) -> tuple[Process, float, dict[str, str]]:
    """Who said what, and when. Raises one of Python's errors for what `announce` never wrote."""
    who, kept = json.loads(field), json.loads(text)
    process = Process(str(who["role"]), str(who["host"]), int(who["pid"]), str(who.get("namespace", "")))
    return process, float(kept["at"]), {str(name): str(value) for name, value in kept["values"].items()}


def registered_workers() -> list[Process]:
    """The workers that serve our queues, as RQ knows them: one that was killed for some minutes more.

    Raises Transient when Redis cannot be reached.
    """
    names = dict.fromkeys([*config().QUEUES.values(), config().TICK_QUEUE])
    try:
        redis: Any = client()
        queues = [django_rq.get_queue(name, connection=redis) for name in names]
        keys = {key for queue in queues for key in worker_registration.get_keys(queue)}
        # Not as RQ's Workers: each would let our client, which must not wait, wait for 415 seconds.
        about = [redis.hmget(key, "hostname", "pid") for key in sorted(keys)]
    except (RedisError, OSError) as error:
        raise Transient(f"Redis cannot be reached: {error}") from error
    return [
        Process("worker", (host or b"").decode(errors="replace"), int(pid) if (pid or b"").isdigit() else 0)
        for host, pid in about
    ]


def _is_dead(process: Process) -> bool:
    """Whether it has surely ended. Of another machine, or of another container of this one, nobody here can say."""
    here = this_process(process.role)
    if (process.host, process.namespace) != (here.host, here.namespace):
        return False
    try:
        os.kill(process.pid, 0)
    except (ProcessLookupError, OverflowError):  # no process has such a number
        return True
    except PermissionError:
        return False
    return False


def _namespace() -> str:
    try:
        return str(Path("/proc/self/ns/pid").stat().st_ino)
    except OSError:  # not Linux, where a host has one
        return ""
