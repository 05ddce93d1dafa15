"""`python3 -m config.bootstrap NAME …` makes .venv ready with requirements/NAME.txt, for scripts."""

import sys

from config.bootstrap import BootstrapError, prepare, project_environment

try:
    for name in sys.argv[1:]:
        prepare(project_environment(), name)
except BootstrapError as error:
    sys.exit(str(error))
