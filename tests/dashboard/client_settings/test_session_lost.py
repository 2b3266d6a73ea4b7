"""The session ended while somebody filled a form about a client: what they entered is kept, ready to be sent again, but for keys and certificates."""

import re
from html import unescape

import pytest

from tests.dashboard.client_settings.conftest import path
from tests.dashboard.conftest import text_of

FORMS = {
    "settings": {"name": "billing “two”", "scopes": ["read", "write"], "seen": "0123456789abcdef"},
    "disable": {"reason": "It is <noisy>"},
    "hand-over": {"recipient": "jonas@example.com", "lifetime": "1h"},
    "keys/new": {"name": "laptop", "public_key": "-----BEGIN PRIVATE KEY-----"},
    "certificates/new": {"name": "laptop", "credential_certificate": "-----BEGIN CERTIFICATE-----"},
}


@pytest.mark.parametrize(("act", "entered"), FORMS.items())
def test_entries_are_kept(browser, client, act, entered):
    page = browser.post(path(client, act), entered)
    assert page.status_code == 403
    assert page["Cache-Control"] == "no-store"
    html = page.content.decode()
    assert f'action="{path(client, act)}"' in html
    kept = [(name, unescape(value)) for name, value in re.findall(r'name="([^"]+)"\s+value="([^"]*)"', html) if name != "csrfmiddlewaretoken"]
    wanted = [(name, value) for name, values in entered.items() for value in (values if isinstance(values, list) else [values])]
    assert kept == [entry for entry in wanted if not entry[1].startswith("-----")]
    assert "-----BEGIN" not in html
    assert "Nothing was saved. Your entries are kept on this page." in text_of(page)


def test_a_stranger_who_only_looks_is_led_to_sign_in(browser, client):
    assert browser.get(path(client)).status_code == 302
