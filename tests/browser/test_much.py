"""A client with 40 secrets and three years of usage: its pages don't move, and are accessible."""

import pytest

from tests.browser.pages import make
from tests.browser.shown import Shown
from tests.browser.windows import look_at

# Their pages with less data are looked at before each commit.
pytestmark = pytest.mark.variant

OLD = "/w/kestrel-old/clients/{client}"


@pytest.fixture(scope="module")
def server(kestrel):
    return kestrel


@pytest.fixture(scope="module")
def cast(server):
    make(server, "create_owners", ["kestrel-old"])
    return make(server, "create_old_client", "kestrel-old")


@pytest.mark.parametrize(
    "shown",
    [
        Shown("client", f"{OLD}/", "", "kestrel-old"),
        Shown("rotate", f"{OLD}/rotate/", "Rotate the secret of", "kestrel-old"),
        Shown("secret_revoke", f"{OLD}/secrets/{{secret}}/revoke/", "Revoke", "kestrel-old"),
        Shown("client_disable", f"{OLD}/disable/", "Disable", "kestrel-old"),
        Shown("usage", "/w/kestrel-old/usage/?client={client}&period=30d", "Usage of", "kestrel-old"),
        Shown("clients", "/w/kestrel-old/clients/", "Clients", "kestrel-old"),
    ],
    ids=lambda shown: shown.name,
)
def test_a_page_with_a_lot_of_data_passes_the_same_checks(windows, cast, shown):
    look_at(windows(shown.person), cast, shown)
