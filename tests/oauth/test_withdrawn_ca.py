"""Removing a CA from client-ca.pem ends the tokens that its certificates obtained, like revoking a credential."""

import pytest

from clients.certificate import x5t_s256
from oauth import access_token, lookup
from oauth.sender_constraint import Confirmation
from oauth.signing_keys import signing_key as load_signing_key
from tests.certificates import Authority, issue, pem_of
from tests.oauth.conftest import reason_of
from tests.oauth.doors import bearer
from tests.oauth.test_mtls import get_token

# The operator's file is put back only after all.
pytestmark = pytest.mark.apart

GATEWAY, WHOAMI = "/gateway/demo/verify", "/api/v1/whoami"


@pytest.fixture
def holder(ca):
    return issue(ca, "billing")


@pytest.fixture
def program(named):
    return named("subject_dn", "CN=billing")


@pytest.fixture
def answers(send, program, billing, holder):
    """What happens to a token: statuses of whoami and the gateway, whether it is active, and why it was refused."""

    def answers(token):
        used = [send.get(path, bearer(token), certificate=holder.der) for path in (WHOAMI, GATEWAY)]
        active = send.post("/oauth2/introspect", {"token": token}, billing.basic).json()["active"]
        return [answer.status for answer in used], active, {reason_of(answer.request_id) for answer in used if answer.status == 401}

    return answers


ALIVE, DEAD = ([200, 200], True, set()), ([401, 401], False, {"certificate_untrusted"})


@pytest.mark.rfc("8705", "2.1")
def test_tokens_die_with_the_ca_that_is_taken_out_and_live_again_with_it(asgi, program, ca, holder, authorities, answers):
    token = get_token(asgi, program.client_id, holder).json()["access_token"]
    assert answers(token) == ALIVE
    other = Authority.create()
    authorities(other.certificate)
    assert answers(token) == DEAD
    authorities(other.certificate, ca.certificate)
    assert answers(token) == ALIVE
    authorities(text="")
    assert answers(token) == DEAD


def test_ca_of_the_same_name_with_another_key_saves_no_token(asgi, program, ca, holder, authorities, answers):
    token = get_token(asgi, program.client_id, holder).json()["access_token"]
    authorities(Authority.create().certificate)
    assert answers(token) == DEAD


def test_renewed_certificate_of_the_ca_keeps_the_tokens(asgi, program, ca, holder, authorities, answers):
    """The same name and key: certificates of the old one stay valid under the new one."""
    token = get_token(asgi, program.client_id, holder).json()["access_token"]
    authorities(Authority.create(key=ca.key).certificate)
    assert get_token(asgi, program.client_id, holder).status == 200
    assert answers(token) == ALIVE
    authorities(Authority.create(name="Other CA", key=ca.key).certificate)
    assert answers(token) == DEAD


def test_ca_whose_key_nobody_can_read_changes_nothing_for_the_others(asgi, program, ca, holder, authorities, answers, caplog):
    unknown_curve = ca.der.replace(bytes.fromhex("06082a8648ce3d030107"), bytes.fromhex("06082a8648ce3d030105"))
    authorities(ca.certificate, text=pem_of(unknown_curve))
    assert answers(get_token(asgi, program.client_id, holder).json()["access_token"]) == ALIVE
    assert "Certificate number 2" in caplog.text


def test_token_from_before_the_upgrade_names_no_ca_and_lives_until_its_end(program, ca, holder, authorities, answers, signing_key, now):
    client = lookup.find_token_state(client_id=program.client_id, credential_id="tls_subject:", jti="", kid="").client
    token = access_token.issue(
        client=client,
        credential_id=client.tls_subject_credential,
        scopes=client.scopes,
        audiences=client.own_audiences,
        confirmation=Confirmation(x5t_s256(holder.der)),
        key=load_signing_key(signing_key.kid),
        now=now,
    )
    assert answers(token) == ALIVE
    authorities(text="")
    assert answers(token) == ALIVE
