"""The other pages of a workspace, looked at by a machine like those in test_pages.py: in files of their own, so that three processes share the work."""

import pytest

from tests.browser.pages import PAGES_OF_WORKSPACES
from tests.browser.variants import mainly_once
from tests.browser.windows import look_at


@pytest.fixture(scope="module")
def server(kestrel):
    return kestrel


@pytest.mark.parametrize("shown", mainly_once(PAGES_OF_WORKSPACES), ids=lambda shown: f"{shown.name}-{shown.person}-{shown.status}")
def test_a_page_is_light_stable_and_accessible(windows, cast, shown):
    look_at(windows(shown.person), cast, shown)
