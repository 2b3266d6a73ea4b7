"""One client: its page, its requests, and why they were refused."""

from playwright.sync_api import Page

from tests.browser.shown import Shown


def _find_nothing(page: Page) -> None:
    page.get_by_label("Request ID").fill("a b")
    page.get_by_role("button", name="Find it").click()
    page.get_by_role("alert").wait_for()


def _test_what_is_no_request(page: Page) -> None:
    page.get_by_label("What your program sends").fill("hello")
    page.get_by_role("button", name="Test it").click()
    page.get_by_role("alert").wait_for()


def _test_a_bad_request(page: Page) -> None:
    page.get_by_label("What your program sends").fill("curl -u nobody:tos_live_cut http://localhost:8443/oauth2/token -d grant_type=client_credentials")
    page.get_by_role("button", name="Test it").click()
    page.get_by_role("region", name="This is refused").wait_for()


PAGES = [
    Shown("client", "/w/kestrel/clients/{client}/", "billing-sync", picture="client-detail"),
    Shown("client", "/w/kestrel/clients/{client}/", "billing-sync", person="ben"),
    Shown("client", "/w/kestrel/clients/{certificate_client}/", "postnova-partner"),
    Shown("client", "/w/kestrel/clients/{disabled_client}/", "fax-gateway", picture="client-disabled"),
    Shown("client", "/w/kestrel/clients/{strange_client}/?period=30d", "مرحبا"),
    Shown("client_latest", "/w/kestrel/clients/{client}/latest/", "Latest requests of billing-sync"),
    Shown("client_requests", "/w/kestrel/clients/{client}/requests/", "Requests of billing-sync", picture="client-requests"),
    Shown("client_requests", "/w/kestrel/clients/{client}/requests/?address=203.0.113.300", "Error: Requests of billing-sync"),
    Shown("client_requests", "/w/kestrel/clients/{disabled_client}/requests/", "Requests of fax-gateway"),
    Shown("client_request", "/w/kestrel/clients/{client}/requests/{request}/", "Request of billing-sync", picture="client-request"),
    Shown("client_audit", "/w/kestrel/clients/{client}/audit/", "Audit of billing-sync", picture="client-audit"),
    Shown("explain", "/w/kestrel/explain/", "Explain a request", picture="explain"),
    Shown("explain", "/w/kestrel/explain/?request_id=unknown", "Explain a request"),
    Shown("explain", "/w/kestrel/explain/", "Error: Explain a request", act=_find_nothing),
    Shown("credential_test", "/w/kestrel/explain/", "Explain a request", act=_test_a_bad_request, picture="credential-test"),
    Shown("credential_test", "/w/kestrel/explain/", "Error: Explain a request", act=_test_what_is_no_request),
]
# Routes that have no page of their own.
WITHOUT_PAGE = {"client_requests_csv"}
