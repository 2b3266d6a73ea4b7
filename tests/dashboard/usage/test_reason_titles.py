"""Each reason has a title of a few words."""

import ast
from pathlib import Path

from django.conf import settings

from dashboard.explain.reason_titles import TITLES, title_of
from dashboard.explain.refusals import ADVICE


def codes():
    """Those that oauth names where it makes a reason."""
    for file in Path(settings.BASE_DIR, "oauth").glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Reason" and isinstance(node.args[0], ast.Constant):
                yield node.args[0].value


def test_every_reason_has_one():
    assert len(set(codes())) > 80
    assert set(codes()) - set(TITLES) == set()
    assert set(ADVICE) == set(TITLES)


def test_titles_are_short_and_differ():
    assert all(len(title) <= 52 and not title.endswith(".") for title in TITLES.values())
    assert len(set(TITLES.values())) == len(TITLES)


def test_a_reason_of_an_older_version_is_its_code():
    assert title_of("gone_since") == "gone_since"
