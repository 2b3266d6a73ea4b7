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
def test_the_credential_of_a_token_can_be_opened_unless_it_has_no_row(billing, credential_id, reference):
    client = billing.secret.client
    assert references.refer_to_credential(client, credential_id) == reference.format(client.client_id)


@pytest.mark.parametrize(
    "what", ["", "s", "s.", "s.\0", "s.nothere", "k.x.y", "k.aaaaaaaaaaaaaaaaaaaa.y", "c.aaaaaaaaaaaaaaaaaaaa.z", "t.forged:sign", "z.z", "i.\0"]
)
def test_a_reference_that_leads_nowhere_shows_nothing(adas, demo, what):
    assert "No secret or token of this instance found" in text_of(adas.get(URL, {"what": what}))


@pytest.mark.long
def test_a_reference_shows_what_it_names_and_from_another_workspace_nothing(adas, eves, billing):
    client = billing.secret.client
    key, certificate = create_public_key(client, kid="a.dotted.kid"), create_certificate(client)
    page = look_up(adas, ask_for_token(billing).json()["access_token"]).content.decode()
    token = page.partition('name="what" value="')[2].partition('"')[0]
    things = {
        f"s.{billing.secret.secret_id}": "It works right now",
        f"k.{client.client_id}.{key.kid}": "billing-sync uses another authentication method now.",
        f"c.{client.client_id}.{certificate.thumbprint}": f"{certificate.thumbprint}, a live certificate of billing-sync.",
        f"i.{client.client_id}": "The client ID of billing-sync",
        token: "valid for 59 more minutes",
    }
    assert token.startswith("t.")
    for what, said in things.items():
        assert said in text_of(adas.get(URL, {"what": what})), what
        assert "billing-sync" not in text_of(eves.get("/w/other/leak/", {"what": what})), what
    eves.post("/w/other/leak/stop/", {"what": list(things)})
    assert ClientSecret.objects.get().revoked_at is None
    assert not RevokedToken.objects.exists()


def test_a_reference_to_a_token_shows_whether_it_is_alive(adas, billing, now):
    page = look_up(adas, ask_for_token(billing).json()["access_token"]).content.decode()
    what = page.partition('name="what" value="')[2].partition('"')[0]
    finding = findings.look_at(_resolve(what, billing), now=now).findings[0]
    revoke_token(
        client=billing.secret.client, jti=finding.name, credential=billing.secret.secret_id, expires_at=finding.token.expires_at, actor=factories.TESTS, now=now
    )
    assert "that doesn’t work any more" in text_of(adas.get(URL, {"what": what}))
    assert findings.look_at(_resolve(what, billing), now=now + timedelta(hours=2)).findings[0].why_off


def _resolve(what, new):
    return references.resolve([what], new.secret.client.workspace)
