"""An address that names what was found, without its secret."""

from datetime import timedelta

import pytest

from clients.models import ClientSecret
from dashboard.leak import findings, references
from oauth.models import RevokedToken
from oauth.services import revoke_token
from tests import factories
from tests.dashboard.conftest import create_certificate, create_public_key, text_of
from tests.dashboard.leak.conftest import URL, ask_for_token, look_up


@pytest.mark.parametrize(
    ("credential_id", "reference"),
    [("Kp4zR1uW9a", "s.Kp4zR1uW9a"), ("key:a.b", "k.{}.a.b"), ("certificate:x", "c.{}.x"), ("tls_subject:0", "")],
)
def test_what_obtained_a_token_can_be_looked_at_unless_it_is_no_row_of_its_own(billing, credential_id, reference):
    client = billing.secret.client
    assert references.refer_to_credential(client, credential_id) == reference.format(client.client_id)


def test_a_reference_shows_what_it_names(adas, billing, now):
    key = create_public_key(billing.secret.client, kid="a.dotted.kid")
    certificate = create_certificate(billing.secret.client)
    client_id = billing.secret.client.client_id
    for what, said in {
        f"s.{billing.secret.secret_id}": "It works right now",
        f"k.{client_id}.a.dotted.kid": "billing-sync uses another authentication method now.",
        f"c.{client_id}.{certificate.thumbprint}": f"{certificate.thumbprint}, a live certificate of billing-sync.",
        f"i.{client_id}": "The client ID of billing-sync",
    }.items():
        assert said in text_of(adas.get(URL, {"what": what})), what
    assert key.kid == "a.dotted.kid"


@pytest.mark.parametrize(
    "what", ["", "s", "s.", "s.\0", "s.nothere", "k.x.y", "k.aaaaaaaaaaaaaaaaaaaa.y", "c.aaaaaaaaaaaaaaaaaaaa.z", "t.forged:sign", "z.z", "i.\0"]
)
def test_a_reference_that_leads_nowhere_shows_nothing(adas, demo, what):
    assert "Nothing here looks like ours" in text_of(adas.get(URL, {"what": what}))


def test_a_reference_of_another_workspace_leads_nowhere(adas, eves, billing):
    client = billing.secret.client
    key, certificate = create_public_key(client), create_certificate(client)
    page = look_up(adas, ask_for_token(billing).json()["access_token"]).content.decode()
    token = page.partition('name="what" value="')[2].partition('"')[0]
    things = [
        f"s.{billing.secret.secret_id}",
        f"k.{client.client_id}.{key.kid}",
        f"c.{client.client_id}.{certificate.thumbprint}",
        f"i.{client.client_id}",
        token,
    ]
    assert token.startswith("t.")
    for what in things:
        assert "billing-sync" in text_of(adas.get(URL, {"what": what})), what
        assert "billing-sync" not in text_of(eves.get("/w/other/leak/", {"what": what})), what
    eves.post("/w/other/leak/stop/", {"what": things})
    assert ClientSecret.objects.get().revoked_at is None
    assert not RevokedToken.objects.exists()


def test_a_reference_to_a_token_shows_whether_it_is_alive(adas, billing, now):
    page = look_up(adas, ask_for_token(billing).json()["access_token"]).content.decode()
    what = page.partition('name="what" value="')[2].partition('"')[0]
    assert "valid for 59 more minutes" in text_of(adas.get(URL, {"what": what}))
    finding = findings.look_at(_resolve(what, billing), now=now).findings[0]
    revoke_token(
        client=billing.secret.client, jti=finding.name, credential=billing.secret.secret_id, expires_at=finding.token.expires_at, actor=factories.TESTS, now=now
    )
    assert "that doesn’t work any more" in text_of(adas.get(URL, {"what": what}))
    assert findings.look_at(_resolve(what, billing), now=now + timedelta(hours=2)).findings[0].why_off


def _resolve(what, new):
    return references.resolve([what], new.secret.client.workspace)
