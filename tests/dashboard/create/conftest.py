"""A form that makes a client, as a browser without script sends it."""

import re

from dashboard.frame.spent_forms import new_token

NEW = "/w/demo/clients/new/"
SECRET = re.compile(r"tos_(?:live|test)_[0-9A-Za-z]{10}_[0-9A-Za-z]{39}")


def once_of(page):
    return re.search(r'name="once" value="([^"]+)"', page.content.decode())[1]


def entries(**changes):
    """What an untouched form sends, named refunds-worker, with some of it changed; None leaves a field out."""
    sent = {
        "once": new_token(),
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
