"""What only CI tries: a journey in one more way, a page in one more state. Before a commit, the first will do: the others rarely find more."""

from collections.abc import Iterable
from typing import Any

import pytest

from tests.browser.shown import Shown

# States of a page that hold what no other page has.
_LIKE_NO_OTHER = {"palette", "secret-once", "leak-found", "client-settings-lost"}


def mainly(first: Any, *others: Any) -> list[Any]:
    """For parametrize: the first always, the others with “make test-slow” and “make coverage”."""
    return [first, *map(_only_in_ci, others)]


def mainly_once(pages: Iterable[Shown]) -> list[Any]:
    """For parametrize: the first page of each route always, and what is like no other page."""
    seen: set[str] = set()
    chosen = []
    for shown in pages:
        chosen.append(_only_in_ci(shown) if shown.name in seen and shown.picture not in _LIKE_NO_OTHER else shown)
        seen.add(shown.name)
    return chosen


def _only_in_ci(value: Any) -> Any:
    return pytest.param(*(value if isinstance(value, tuple) else (value,)), marks=pytest.mark.variant)
