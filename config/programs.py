"""What `manage.py up` and `manage.py demo` keep running."""

import socket
import sys

from config.paths import PROJECT
from config.supervisor import Program

TIER_QUEUES = ("ingestion-enterprise", "ingestion-pro", "ingestion-free")
HOST = "127.0.0.1"
MANAGE = (sys.executable, str(PROJECT / "manage.py"))
UNBUFFERED = {"PYTHONUNBUFFERED": "1"}


def programs(*, port: int | None, workers: int = 1) -> list[Program]:
    """The web server unless `port` is None, `workers` processes for each tier's queue, and the scheduler."""
    web = [] if port is None else [web_server(port)]
    working = [worker(queue, number) for queue in TIER_QUEUES for number in range(1, workers + 1)]
    return [*web, *working, Program("scheduler", (*MANAGE, "ingest", "tick", "--loop"), UNBUFFERED)]


def web_server(port: int) -> Program:
    return Program("web", (sys.executable, "-m", "config.web", f"{HOST}:{port}"), UNBUFFERED)


def worker(queue: str, number: int) -> Program:
    """One queue a process: RQ loses a job when a worker that listens on two queues dies after the pop."""
    name = queue.removeprefix("ingestion-") + (f"-{number}" if number > 1 else "")
    return Program(name, (*MANAGE, "ingest", "worker", "--queue", queue), UNBUFFERED)


def free_port(first: int, tries: int = 50) -> int:
    """`first`, or the next port above it that no program listens on. Raises OSError when all of `tries` are taken."""
    for port in range(first, first + tries):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
    raise OSError(f"Ports {first} to {first + tries - 1} are all taken. Choose another with --port.")
