"""A page of another site can have its readers' browsers send a form to any address, without asking first (Fetch §3.2, a simple request). Such a form is refused
before its credentials are read, and counts against nobody: else the page would shut out every client behind its reader's address. Fetch Metadata §2.4.
"""

import pytest

from tests.oauth.conftest import reason_of

pytestmark = pytest.mark.django_db

PATHS = ["/oauth2/token", "/oauth2/introspect", "/oauth2/revoke"]
CROSS = [{"Sec-Fetch-Site": site, "Origin": "https://evil.example"} for site in ("cross-site", "same-site", "CROSS-SITE")]
# As browsers say it that don't know Fetch Metadata, such as Safari before 16.4.
CROSS += [{"Origin": origin} for origin in ("https://evil.example", "null", "http://testserver", "https://testserver.evil.example")]


@pytest.mark.parametrize("path", PATHS)
def test_it_is_refused_whatever_its_credentials(send, billing, path):
    for headers in CROSS:
        answer = send.post(path, {"grant_type": "client_credentials", "token": "x"}, billing.basic, headers=headers)
        assert answer.error == (400, "invalid_request"), headers
        assert reason_of(answer.request_id) == "foreign_page"


def test_it_counts_against_nobody(send, billing, settings):
    settings.FAILURES_PER_CLIENT = settings.FAILURES_PER_ADDRESS = 2
    for number in range(6):
        form = {"client_id": f"nobody-at-all-{number:04}", "client_secret": "x"}
        assert send.token(None, form, headers=CROSS[0]).status == 400
    assert send.token(billing.basic).status == 200


@pytest.mark.parametrize("site", ["none", "same-origin"])
def test_what_no_other_site_sent_is_answered(send, billing, site):
    assert send.token(billing.basic, headers={"Sec-Fetch-Site": site}).status == 200
