"""The product's settings, with one more page."""

from dashboard.settings import *  # noqa: F403  # the product's, whatever they are
from dashboard.settings import BASE_DIR, TEMPLATES

ROOT_URLCONF = "tests.style_guide.urls"
TEMPLATES = [{**TEMPLATES[0], "DIRS": [*TEMPLATES[0]["DIRS"], BASE_DIR / "tests" / "style_guide" / "templates"]}]
