"""What is counted of each request, and when a secret was used last."""

from datetime import UTC, datetime

import pytest

from clients.models import ClientSecret, UsageBucket
from clients.services import usage
from clients.services.secrets import create_secret
from tests import factories
from tests.oauth.doors import ADDRESS, ELSEWHERE, basic, bearer

pytestmark = pytest.mark.django_db


def counts():
    usage.flush()
    return {(row.credential, row.endpoint, row.outcome): row.count for row in UsageBucket.objects.all()}


def test_each_endpoint_counts_by_credential_and_outcome(send, billing, demo, make, now):
    """A failure counts for the client that it names, if there is one."""
    second = create_secret(client=billing.client, actor=factories.TESTS, now=now)
    token = send.token(billing.basic).json()["access_token"]
    send.token(billing.basic)
    send.token(basic(billing.client_id, second.plaintext))
    send.token(billing.basic, {"scope": "admin"})
    send.get("/api/v1/whoami", bearer(token))
    send.get("/gateway/demo/verify", bearer(billing.secret))
    send.get("/gateway/demo/verify", billing.basic, query="scope=admin")
    for path in ("/oauth2/introspect", "/oauth2/revoke"):
        send.post(path, {"token": "x"}, billing.basic)
    for client_id, secret in ((billing.client_id, "nonsense"), (billing.client_id, make(demo).secret), ("A" * 22, "nonsense")):
        send.token(basic(client_id, secret))
    own = billing.secret_id
    assert counts() == {
        (own, "token", "granted"): 2,
        (second.secret.secret_id, "token", "granted"): 1,
        (own, "token", "scope_not_allowed"): 1,
        (own, "api", "granted"): 1,
        (own, "gateway", "granted"): 1,
        (own, "gateway", "insufficient_scope"): 1,
        (own, "introspection", "granted"): 1,
        (own, "revocation", "granted"): 1,
        ("", "token", "not_a_secret"): 1,
        ("", "token", "other_clients_secret"): 1,
    }
    assert UsageBucket.objects.filter(client=billing.client).count() == 10


def test_a_bucket_is_an_hour_and_grows_by_each_flush(asgi, billing):
    asgi.token(billing.basic)
    usage.flush()
    asgi.token(billing.basic)
    usage.flush()
    row = UsageBucket.objects.get()
    assert row.count == 2
    assert (row.hour.minute, row.hour.second, row.hour.microsecond) == (0, 0, 0)
    assert 0 <= (datetime.now(UTC) - row.hour).total_seconds() < 3700


def test_nothing_is_written_before_the_flush(asgi, billing, django_assert_num_queries):
    asgi.token(billing.basic)  # reads the signing key
    with django_assert_num_queries(1):
        asgi.token(billing.basic)
    assert not UsageBucket.objects.exists()


def test_a_secret_knows_when_and_from_where_it_was_used_last_and_its_token_does_not_use_it(asgi, billing):
    token = asgi.token(billing.basic).json()["access_token"]
    usage._take()
    asgi.get("/api/v1/whoami", bearer(token))
    usage.flush()
    assert ClientSecret.objects.get(secret_id=billing.secret_id).last_used_at is None
    asgi.token(billing.basic, address=ADDRESS)
    asgi.get("/api/v1/whoami", billing.basic, address=ELSEWHERE)
    asgi.token(basic(billing.client_id, billing.secret[:-1]))
    usage.flush()
    secret = ClientSecret.objects.get(secret_id=billing.secret_id)
    assert (datetime.now(UTC) - secret.last_used_at).total_seconds() < 5
    assert secret.last_used_from == ELSEWHERE
