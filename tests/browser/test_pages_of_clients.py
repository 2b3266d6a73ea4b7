"""The pages of clients, looked at by a machine like those in test_pages.py: in a file of their own, so that two processes share the work."""

import pytest

from tests.browser import windows as shared
from tests.browser.pages import PAGES_OF_CLIENTS
from tests.browser.windows import look_at

server, cast, windows = shared.server, shared.cast, shared.windows


@pytest.mark.parametrize("shown", PAGES_OF_CLIENTS, ids=lambda shown: f"{shown.name}-{shown.person}-{shown.status}")
def test_a_page_is_light_still_and_in_nobodys_way(windows, cast, shown):
    look_at(windows(shown.person), cast, shown)
