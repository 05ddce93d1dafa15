"""`python -m tests.faults` plants every fault in turn, and ends with a list of which test noticed which.

Exit code 1 when one survives or was cut short, 2 when a test is red without any fault: what it would say of faults is worth nothing.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.faults.joints import FAULTS
from tests.faults.judged import Judged, NoJudgements, commit
from tests.faults.planting import DATABASES, Fault, Outcome, Verdict, copy, plant, sound

WELL = (Verdict.CAUGHT, Verdict.EQUIVALENT, Verdict.ELSEWHERE)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--database", default="sqlite", choices=DATABASES)
    parser.add_argument("--only", default="", metavar="TEXT", help="plant those whose name has it")
    parser.add_argument("--list", type=Path, metavar="FILE", help="write the list there too")
    parser.add_argument("--judged", type=Path, metavar="FILE", help="keep each judgement there; make none twice")
    options = parser.parse_args()
    chosen = [fault for fault in FAULTS if options.only in fault.name]
    try:
        judged = Judged.read(options.judged, commit(), options.database) if options.judged else None
    except NoJudgements as error:
        parser.error(str(error))
    with tempfile.TemporaryDirectory(prefix="faults-") as name:
        copy(Path(name))
        left = [fault for fault in chosen if judged is None or not judged.outcome(fault)]
        if red := sound(left, Path(name), options.database):
            print(f"Without any fault this is red on {options.database}; mend it first.\n{red}")
            return 2
        outcomes = [told(fault, Path(name), options.database, judged) for fault in chosen]
    text = report(outcomes, options.database)
    print(text)
    if options.list:
        options.list.write_text(text + "\n")
    return 0 if outcomes and all(outcome.verdict in WELL for outcome in outcomes) else 1


def told(fault: Fault, folder: Path, database: str, judged: Judged | None) -> Outcome:
    """What was judged of the fault before, or what is judged now; said and kept at once."""
    if judged and (before := judged.outcome(fault)):
        return before
    outcome = plant(fault, folder, database)
    if judged:
        judged.add(outcome)
    print(f"{outcome.verdict:10} {fault.name}  {outcome.said}", flush=True)
    return outcome


def report(outcomes: Sequence[Outcome], database: str) -> str:
    """Each fault with its verdict and the test that noticed it, and how many there are of each verdict."""
    lines = [f"{outcome.verdict:10} {outcome.fault.name}\n{'':10} {outcome.why}" for outcome in outcomes]
    verdicts = [outcome.verdict for outcome in outcomes]
    counted = ", ".join(f"{verdicts.count(verdict)} {verdict}" for verdict in Verdict if verdict in verdicts)
    return "\n".join([*lines, f"{len(outcomes)} faults on {database}: {counted or 'none'}."])


if __name__ == "__main__":
    sys.exit(main())
