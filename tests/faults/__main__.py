"""`python -m tests.faults [--database NAME] [--only TEXT]` plants every fault in turn; exit code 1 when one survives."""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.faults.joints import FAULTS
from tests.faults.planting import copy, plant


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--database", default="sqlite", choices=("sqlite", "mariadb", "postgres"))
    parser.add_argument("--only", default="", metavar="TEXT", help="plant those whose name has it")
    options = parser.parse_args()
    chosen = [fault for fault in FAULTS if options.only in fault.name]
    survivors = []
    with tempfile.TemporaryDirectory(prefix="faults-") as name:
        copy(Path(name))
        for number, fault in enumerate(chosen, start=1):
            outcome = plant(fault, Path(name), options.database)
            word = "caught" if outcome.caught else "SURVIVED"
            print(f"{number:3}/{len(chosen)} {word:8} {fault.name}\n             {outcome.said}", flush=True)
            survivors += [] if outcome.caught else [fault]
    print(f"{len(chosen) - len(survivors)} of {len(chosen)} faults caught on {options.database}.")
    return 1 if survivors or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
