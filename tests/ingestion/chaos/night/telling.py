"""What log and timeline must tell of a night by themselves, worked out from the killer's diary."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ingestion.models import Event, Run

GIVEN_BACK = ("retry", "paused")
OF_THE_SUPERVISOR = ("kill worker", "kill tick", "kill web")


def untold(diary: list[dict[str, Any]], log: str) -> list[str]:
    """Ends of runs and deaths of processes of which the log says nothing, or not who went on from whom."""
    ended = {int(number) for number in re.findall(r"run_id=(\d+) event=(?:succeeded|partial|failed|cancelled)\b", log)}
    wrong = [f"{run} ended as {run.state}: not in the log" for run in Run.unscoped.all() if run.pk not in ended]
    for line in diary:
        if line["kind"] in OF_THE_SUPERVISOR and f"process {line['pid']} ended (signal SIGKILL)" not in log:
            wrong.append(f"{line['at']}: {line['kind']} {line['pid']}")
        for run in executions(line):
            if not is_told(run["pk"], run["fence"], run["worker_pid"], log):
                wrong.append(
                    f"{line['at']}: {line['kind']}, which ended process {run['worker_pid']} of run {run['pk']}"
                )
    return wrong


def executions(line: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The runs whose process a disaster ended."""
    ended = {line.get("pid"), *line.get("children", ())}
    for run in line["under_way"] or ():
        if run["worker_pid"] and (
            line["kind"] == "power cut" or (line["kind"].startswith("kill") and run["worker_pid"] in ended)
        ):
            yield run


def is_told(run: int, fence: int, pid: int, log: str) -> bool:
    """Whether the log says who took the run over from whom, after how long, and what was repeated.

    Nobody did when it ended under this claim, or was given back just before.
    """
    starts = Event.unscoped.filter(run_id=run, name="started").order_by("pk")
    mine = starts.filter(text__startswith=f"claim {fence} ").first()
    following = starts.filter(text__startswith=f"claim {fence + 1} ").first()
    if mine is None or following is None:
        return Run.unscoped.get(pk=run).state in Run.TERMINAL
    if Event.unscoped.filter(run_id=run, name__in=GIVEN_BACK, pk__gt=mine.pk, pk__lt=following.pk).exists():
        return True
    told = rf"takes over from process {pid} on \S+ \(claim {fence}\), which is [^;]+; it stood still for \d+ s, and batch \d+ is"
    return bool(re.search(rf"started claim {fence + 1} on [^\n]*{told}[^\n]* run_id={run} ", log))
