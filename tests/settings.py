"""Settings under the tests' environment, for the type checker's Django plugin."""

from tests import environment  # noqa: F401  # isort: skip
from dashboard.settings import *  # noqa: F403
