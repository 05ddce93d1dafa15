"""One disaster after the other, drawn from a seed, each written into the diary before it happens."""

from __future__ import annotations

import random
import signal
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import psutil

from tests import servers
from tests.ingestion.chaos.night.diary import Diary
from tests.ingestion.chaos.night.house import INGESTION, House
from tests.ingestion.chaos.night.shop import Shop
from tests.ingestion.chaos.test_storm import end_a_database_connection

Later = Callable[[float, Callable[[], object]], None]
WEATHERS = ("500", "429", "slow", "hang", "error", "renamed")


class Killer:
    """`later(seconds, what)` is how it undoes what it did."""

    def __init__(self, seed: int, house: House, shop: Shop, diary: Diary, later: Later) -> None:
        self.draw, self.house, self.shop, self.diary, self.later = random.Random(seed), house, shop, diary, later
        self.undone: dict[str, Callable[[], object]] = {}
        """What is broken now, and how it is mended."""
        self.ways: list[tuple[int, Callable[[], object]]] = [
            (24, self.kill_horse), (14, self.kill_worker), (5, self.kill_tick), (6, self.kill_web), (2, self.cut_power),
            (10, self.stop_horse), (3, self.stop_worker), (2, self.stop_tick), (2, self.stop_web),
            (9, self.end_connection), (3, self.restart_postgres), (3, self.restart_redis), (1, self.flush_redis),
            (3, self.lose_files), (12, self.change_weather),
        ]  # fmt: skip

    def strike(self) -> None:
        """What is drawn may have no victim now, or be broken already: then something else."""
        before = self.diary.kinds.total()
        weights = [weight for weight, _ in self.ways]
        for way in self.draw.choices([way for _, way in self.ways], weights, k=10):
            way()
            if self.diary.kinds.total() > before:
                return

    def kill_horse(self) -> None:
        self._kill("kill child", self.house.horses())

    def kill_worker(self) -> None:
        """One with a child at work, where there is one; the child lives on."""
        workers = self.house.programs("worker")
        self._kill("kill worker", [one for one in workers if _children(one)] or workers)

    def kill_tick(self) -> None:
        self._kill("kill tick", self.house.programs("tick"))

    def kill_web(self) -> None:
        self._kill("kill web", self.house.programs("config.web"))

    def cut_power(self) -> None:
        self.diary.write("power cut")
        self.house.lose_power()

    def stop_horse(self) -> None:
        self._stop("stop child", self.house.horses())

    def stop_worker(self) -> None:
        self._stop("stop worker", self.house.programs("worker"))

    def stop_tick(self) -> None:
        self._stop("stop tick", self.house.programs("tick"))

    def stop_web(self) -> None:
        self._stop("stop web", self.house.programs("config.web"))

    def end_connection(self) -> None:
        self.diary.write("end database connection")
        end_a_database_connection()

    def restart_postgres(self) -> None:
        if self._breaks("postgres", self.house.start_postgres, self.draw.uniform(3, 15)):
            self.house.stop_postgres()

    def restart_redis(self) -> None:
        if self._breaks("redis", self.house.start_redis, self.draw.uniform(3, 25)):
            self.house.stop_redis()

    def flush_redis(self) -> None:
        from redis import Redis, RedisError

        self.diary.write("flush redis")
        with suppress(RedisError), Redis.from_url(servers.redis_url()) as client:
            client.flushall()

    def lose_files(self) -> None:
        if self._breaks("files", self.house.bring_files_back, 60):
            self.house.take_files_away()

    def change_weather(self) -> None:
        weather = self.draw.choice(WEATHERS)

        def mend() -> None:
            self.shop.weather = ""

        if self._breaks("source", mend, self.draw.uniform(20, 70), weather=weather):
            self.shop.weather = weather

    def mend_everything(self) -> None:
        for name in list(self.undone):
            self._mend(name)

    def _breaks(self, name: str, mend: Callable[[], object], seconds: float, kind: str = "", **what: Any) -> bool:
        if name in self.undone:
            return False
        self.diary.write(kind or f"lose {name}", seconds=round(seconds), **what)
        self.undone[name] = mend
        self.later(seconds, lambda: self._mend(name))
        return True

    def _mend(self, name: str) -> None:
        if mend := self.undone.pop(name, None):
            mend()
            self.diary.write(f"{name} back")

    def _kill(self, kind: str, processes: list[psutil.Process]) -> None:
        with suppress(psutil.Error, IndexError):
            process = self.draw.choice(processes)
            self.diary.write(kind, pid=process.pid, command=_command(process), children=_children(process))
            process.kill()

    def _stop(self, kind: str, processes: list[psutil.Process]) -> None:
        with suppress(psutil.Error, IndexError):
            process = self.draw.choice(processes)
            seconds = INGESTION["LEASE_SECONDS"] * self.draw.uniform(1.3, 2.0)  # type: ignore[operator]
            name = f"process {process.pid}"
            if self._breaks(name, lambda: _go_on(process), seconds, kind, pid=process.pid, command=_command(process)):
                process.send_signal(signal.SIGSTOP)


def _go_on(process: psutil.Process) -> None:
    with suppress(psutil.Error):
        process.send_signal(signal.SIGCONT)


def _children(process: psutil.Process) -> list[int]:
    with suppress(psutil.Error):
        return [child.pid for child in process.children()]
    return []


def _command(process: psutil.Process) -> str:
    return " ".join(process.cmdline()[1:])
