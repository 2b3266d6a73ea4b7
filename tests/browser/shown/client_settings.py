"""Changing, disabling, enabling and deleting a client."""

from tests.browser.shown import Shown

PAGES = [
    Shown("client_settings", "/w/kestrel/clients/{client}/settings/", "Settings of billing-sync", picture="client-settings"),
    Shown("client_settings", "/w/kestrel/clients/{client}/settings/", "Settings of billing-sync", "ben", picture="client-settings-viewer"),
    Shown("client_disable", "/w/kestrel/clients/{client}/disable/", "Disable billing-sync", picture="client-disable"),
    Shown("client_enable", "/w/kestrel/clients/{disabled_client}/enable/", "Enable fax-gateway", picture="client-enable"),
    Shown("client_delete", "/w/kestrel/clients/{disabled_client}/delete/", "Delete fax-gateway", picture="client-delete"),
    Shown("client_delete", "/w/kestrel/clients/{client}/delete/", "Delete billing-sync"),
]
# Routes that have no page of their own.
WITHOUT_PAGE: set[str] = set()
