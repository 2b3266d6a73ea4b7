"""A program: the same form sent twice at the same moment, and what credentials are asked and told, on the database of DATABASE_URL. Prints JSON."""

import json
import sys
import threading
from datetime import timedelta

from django.db import connections
from django.utils import timezone

from clients.models import AuditEvent, ClientSecret
from clients.public_key import read_public_keys
from clients.services import rotation, secret_ends, secrets
from clients.services.public_keys import add_public_keys
from dashboard.client import impact
from dashboard.client.credentials import expiry_notices
from dashboard.frame import spent_forms
from dashboard.models import User
from tests import factories
from tests.dashboard.credentials.conftest import give_tokens, use
from tests.public_keys import jwk

now = timezone.now()
workspace = factories.create_workspace("demo", owner="ada@example.com")
client = factories.create_client(workspace, secret_lifetime=timedelta(days=365), now=now - timedelta(days=340)).secret.client
secret = client.secrets.get()
use(secret)
give_tokens(secret, 3)
token, user, outcomes = spent_forms.new_token(), User.objects.get(), []
barrier = threading.Barrier(2)


def rotate() -> None:
    also = spent_forms.spending(token=token, user=user, name=lambda made: made.secret.secret_id, now=now)
    barrier.wait()
    try:
        rotation.rotate_secret(client=client, actor=factories.TESTS, now=now, also=also)
        outcomes.append("made")
    except spent_forms.FormSpentError:
        outcomes.append("spent")
    finally:
        connections.close_all()


due = [notice.credential.credential_id for notice in expiry_notices.find_due(now=now)]
threads = [threading.Thread(target=rotate) for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
secret.refresh_from_db()
found = impact.of_credential(secret, client=client, now=now)
secret_ends.extend_secret(client=client, secret_id=secret.secret_id, expires_at=now + timedelta(days=3), actor=factories.TESTS, now=now)
secret_ends.end_secret(client=client, secret_id=secret.secret_id, actor=factories.TESTS, now=now + timedelta(hours=1))
keys = read_public_keys(json.dumps(jwk()))
add_public_keys(client=client, parsed=keys, allow_method=True, actor=factories.TESTS, now=now)
secrets.revoke_secret(client=client, secret_id=secret.secret_id, reason="It leaked", actor=factories.TESTS, now=now)
json.dump(
    {
        "outcomes": sorted(outcomes),
        "secrets": ClientSecret.objects.count(),
        "due": due == [secret.secret_id],
        "impact": [found.tokens, [affected.use.address for affected in found.addresses], len(found.others)],
        "events": list(AuditEvent.objects.filter(target_type__in=["secret", "public_key"]).order_by("pk").values_list("event", flat=True)),
    },
    sys.stdout,
)
