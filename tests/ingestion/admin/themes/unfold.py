"""Settings: the tests' project with the theme unfold."""

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS, MIDDLEWARE

INSTALLED_APPS = ["unfold", *INSTALLED_APPS]
MIDDLEWARE = [name for name in MIDDLEWARE if not name.startswith("csp.")]  # the theme has scripts within its pages
