"""The settings of demo: a form's entries, and which changes were recorded."""

from clients.models import AuditEvent
from tests.dashboard.conftest import text_of

SETTINGS = "/w/demo/settings/"
ALL_METHODS = ["client_secret_basic", "client_secret_post", "private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth"]


def entries(browser, path=SETTINGS):
    """What a browser would send for the unchanged settings form."""
    page = browser.get(path)
    assert page.status_code == 200, text_of(page)
    form = page.context["form"]
    found = {}
    for bound in form:
        value = bound.value()
        if value not in (None, False, ""):
            found[bound.html_name] = value if isinstance(value, list) else "on" if value is True else str(value)
    return found


def changes(event="workspace.changed"):
    return [(row.before, row.after) for row in AuditEvent.objects.filter(event=event).exclude(actor="command:tests").order_by("pk")]
