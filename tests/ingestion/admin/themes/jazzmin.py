"""Settings: the tests' project with the theme jazzmin."""

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS, MIDDLEWARE

INSTALLED_APPS = ["jazzmin", *INSTALLED_APPS]
MIDDLEWARE = [name for name in MIDDLEWARE if not name.startswith("csp.")]  # the theme has scripts within its pages
