"""Two people rotate one client's secret: the second is told before the first one's new secret would expire too."""

import re

import pytest

from dashboard.frame import spent_forms
from tests import factories
from tests.dashboard.conftest import text_of
from tests.dashboard.credentials.conftest import url


@pytest.fixture
def opened(danas, client_):
    """The entries of Dana's form, which she opened before somebody else made a secret."""
    [seen] = re.findall(r'name="seen" value="(\w+)"', danas.get(url(client_, "rotate")).content.decode())
    return {"seen": seen, "overlap": "0", "until": "", "name": "", "secret_expiry": "", "once": spent_forms.new_token()}


def test_the_second_is_told_and_nothing_is_made_until_it_is_sent_again(danas, client_, opened):
    made = factories.create_secret(client_).secret
    page = danas.post(url(client_, "rotate"), opened)
    assert f"Secret {made.secret_id} was made in the meantime and would expire too." in text_of(page)
    assert client_.secrets.count() == 2
    made.refresh_from_db()
    assert made.expires_at is None
    [seen, once] = (re.search(rf'name="{name}" value="([\w-]+)"', page.content.decode())[1] for name in ("seen", "once"))
    assert danas.post(url(client_, "rotate"), {**opened, "seen": seen, "once": once}).status_code == 200
    assert client_.secrets.count() == 3


def test_a_secret_that_is_gone_meanwhile_doesnt_matter(danas, client_, opened, secret):
    newer = factories.create_secret(client_).secret
    factories.expire(newer)
    assert danas.post(url(client_, "rotate"), {**opened, "seen": newer.secret_id}).status_code == 200
    assert client_.secrets.count() == 3


@pytest.mark.long
@pytest.mark.parametrize("seen", ["", "unknown0000", "<b>"])
def test_without_a_seen_state_the_current_secret_is_rotated(danas, client_, opened, seen):
    danas.post(url(client_, "rotate"), {**opened, "seen": seen})
    assert client_.secrets.count() == 2
