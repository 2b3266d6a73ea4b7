"""The pages' responses on PostgreSQL, and the mails' recipients, if one member's changes concern another. Prints JSON."""

import json
import sys
from pathlib import Path

from django.conf import settings
from django.core import mail
from django.test import override_settings

from dashboard.frame.spent_forms import new_token
from dashboard.instance.mail import wait_until_sent
from dashboard.models import Membership
from tests import factories
from tests.dashboard.conftest import sign_in
from tests.dashboard.credentials.conftest import url

STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
MAIL = "django.core.mail.backends.locmem.EmailBackend"

with override_settings(STORAGES=STORAGES, EMAIL_BACKEND=MAIL, ALLOWED_HOSTS=["testserver"]):
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)
    mail.outbox = []
    demo = factories.create_workspace("demo", owner="ada@example.com")
    dana, mia = factories.create_user("dana@example.com"), factories.create_user("mia@example.com")
    factories.add_member(demo, dana, Membership.Role.OWNER)
    membership = factories.add_member(demo, mia, Membership.Role.DEVELOPER)
    secret = factories.create_client(demo, contact="mia@example.com").secret
    browser = sign_in(dana)
    wait_until_sent()
    mail.outbox.clear()
    answers = [
        browser.post(url(secret.client, "secrets", "new"), {"name": "", "secret_expiry": "90d", "once": new_token()}),
        browser.post(f"/w/demo/members/{membership.pk}/role/", {"role": "owner"}),
    ]
    wait_until_sent()
json.dump({"answers": [answer.status_code for answer in answers], "told": sorted([message.to, message.subject] for message in mail.outbox)}, sys.stdout)
