"""The audit log of a workspace."""

from tests import factories
from tests.dashboard.conftest import text_of

PAGE = "/w/demo/audit/"


def test_it_says_who_did_what_to_what(adas, demo):
    factories.create_client(demo)
    text = text_of(adas.get(PAGE))
    assert "tests created client by a command billing-sync" in text
