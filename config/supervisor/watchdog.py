"""The process that outlives a killed supervisor: `python -m config.supervisor.watchdog GRACE`.

Reads `+SESSION` and `-SESSION` lines. When the pipe closes, by an orderly end or by the kernel after kill -9, it ends
every session still on its list.
"""

import signal
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from config.supervisor.sessions import end_session


def sessions_left(lines: Iterable[str]) -> set[int]:
    sessions: set[int] = set()
    for line in lines:
        sign, number = line[:1], line[1:].strip()
        if not line.endswith("\n") or not number.isdigit():
            continue  # cut off by the death of the writer
        if sign == "+":
            sessions.add(int(number))
        elif sign == "-":
            sessions.discard(int(number))
    return sessions


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # meant for the supervisor, which tells us by closing the pipe
    grace = float(sys.argv[1])
    sessions = sessions_left(sys.stdin)
    if sessions:
        with ThreadPoolExecutor(max_workers=len(sessions)) as pool:
            list(pool.map(lambda session: end_session(session, grace), sessions))


if __name__ == "__main__":
    main()
