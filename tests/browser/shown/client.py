"""One client: its page, its requests, and why they were refused."""

from tests.browser.shown import Shown

PAGES = [
    Shown("client", "/w/kestrel/clients/{client}/", "billing-sync", picture="client-detail"),
    Shown("client_requests", "/w/kestrel/clients/{client}/requests/", "Requests of billing-sync", picture="client-requests"),
    Shown("client_audit", "/w/kestrel/clients/{client}/audit/", "Audit of billing-sync", picture="client-audit"),
    Shown("explain", "/w/kestrel/explain/", "Explain a request", picture="explain"),
]
# Routes that have no page of their own.
WITHOUT_PAGE = {"client_latest", "client_requests_csv", "client_request", "credential_test"}
