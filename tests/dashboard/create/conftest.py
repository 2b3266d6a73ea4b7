"""A form that makes a client, as a browser without script sends it."""

import re

NEW = "/w/demo/clients/new/"
SECRET = re.compile(r"tos_(?:live|test)_[0-9A-Za-z]{10}_[0-9A-Za-z]{39}")


def entries(browser, **changes):
    """What an untouched form sends, named refunds-worker, with some of it changed; None leaves a field out."""
    html = browser.get(NEW).content.decode()
    sent = {
        "once": re.search(r'name="once" value="([^"]+)"', html)[1],
        "name": "refunds-worker",
        "contact": "payments@example.com",
        "environment": "live",
        "method": "secret",
        "accepts": ["client_secret_basic", "client_secret_post"],
        "certificate_by": "certificate",
        "secret_expiry": "365d",
        "token_lifetime": "3600",
        **changes,
    }
    return {name: value for name, value in sent.items() if value is not None}


def secrets_in(page):
    """Complete ones that a reader sees, each once."""
    return set(SECRET.findall(re.sub(r"<[^>]*>", "", page.content.decode())))
