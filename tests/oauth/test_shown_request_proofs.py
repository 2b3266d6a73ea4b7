"""A pasted request with a client assertion, a certificate or a DPoP proof: every check is told, without effect."""

import pytest

from clients.certificate import read_certificates
from clients.services.certificates import add_certificates, revoke_certificate
from clients.services.public_keys import revoke_public_key
from oauth import private_key_jwt, replay
from oauth.errors import TemporarilyUnavailableError
from oauth.reasons import Reason
from oauth.shown_request import examine_form, examine_proof
from tests import factories
from tests.certificates import Authority, issue, pem, self_signed
from tests.oauth.assertions import create_robot
from tests.oauth.proofs import key, new_key
from tests.oauth.shown import checked, make_request, reason_in

# Assertions


def test_a_good_assertion_passes_and_can_still_be_used_and_all_that_is_wrong_is_reported(agrees, demo, now, monkeypatch):
    robot = create_robot(demo, now=now)
    examination = agrees(make_request(now, robot.form()), "")
    assert examination.credential_id == f"key:{robot.kid}"
    assert {"ASSERTION", "SIGNATURE", "CLAIMS", "FIRST_USE", "LIFE"} <= set(checked(examination))

    def examine(**options):
        return examine_form(make_request(now, robot.form(**options)), workspace=demo.pk, is_whole=True)

    assert {"unknown_key", "assertion_expired"} <= set(checked(examine(header={"kid": "unknown"}, exp=1)).values())

    def refuse(*_arguments):
        raise TemporarilyUnavailableError(Reason("jwks_uri_busy", "Too many."))

    with monkeypatch.context() as patched:
        patched.setattr(private_key_jwt, "find_signer", refuse)
        assert reason_in(examine()) == "jwks_uri_busy"
    # What was made before the machine started.
    monkeypatch.setattr(replay, "_boot_id", lambda: "this boot")
    monkeypatch.setattr(replay, "_floor", lambda *_: int(now.timestamp()) + 1000)
    assert reason_in(examine()) == "assertion_replayed"


def test_each_thing_that_is_wrong_with_an_assertion_is_reported(agrees, demo, now):
    robot = create_robot(demo, now=now)
    used = robot.form()
    agrees(make_request(now, used), "")
    agrees(make_request(now, used), "assertion_replayed")
    agrees(make_request(now, {"client_assertion_type": "x", "client_assertion": "y"}), "assertion_type_not_supported")
    agrees(make_request(now, robot.form(header={"kid": "unknown"})), "unknown_key")
    agrees(make_request(now, robot.form(header={"alg": "none"})), "assertion_algorithm_refused")
    agrees(make_request(now, robot.form(aud="https://elsewhere.example")), "assertion_wrong_audience")
    agrees(make_request(now, robot.form(iss="x" * 22, sub="x" * 22)), "unknown_client")
    stranger = create_robot(demo, new_key(), now=now)
    forged = stranger.assertion(header={"kid": robot.kid}, iss=robot.client_id, sub=robot.client_id)
    agrees(make_request(now, robot.form(forged)), "wrong_signature")
    revoke_public_key(client=robot.client, kid=robot.kid, actor=factories.TESTS, now=now)
    agrees(make_request(now, robot.form()), "key_revoked")


@pytest.fixture
def holder():
    return self_signed("machine")


@pytest.fixture
def machine(demo, make, holder, now):
    made = make(demo, name="machine", auth_methods=["self_signed_tls_client_auth"])
    add_certificates(client=made.client, parsed=read_certificates(pem(holder.certificate)), actor=factories.TESTS, now=now)
    return made


def test_a_registered_certificate_passes_and_each_thing_that_is_wrong_with_one_is_reported(agrees, machine, holder, now):
    examination = agrees(make_request(now, {"client_id": machine.client_id}, certificate=holder.der), "")
    assert examination.credential_id == machine.client.certificates.get().credential_id
    assert examination.method == "self_signed_tls_client_auth"
    agrees(make_request(now, {"client_id": machine.client_id}, certificate=self_signed("other").der), "certificate_unknown")
    agrees(make_request(now, {"client_id": "x" * 22}, certificate=holder.der), "unknown_client")
    revoke_certificate(client=machine.client, thumbprint=machine.client.certificates.get().thumbprint, actor=factories.TESTS, now=now)
    agrees(make_request(now, {"client_id": machine.client_id}, certificate=holder.der), "certificate_revoked")


def test_a_certificate_of_the_operators_ca_passes_by_its_subject(agrees, named, authorities, now):
    ca = Authority.create()
    authorities(ca.certificate)
    client = named("subject_dn", "CN=billing")
    examination = agrees(make_request(now, {"client_id": client.client_id}, certificate=issue(ca, "billing").der), "")
    assert examination.credential_id.startswith("tls_subject:")


# What a token is bound to


def test_a_good_proof_passes_and_can_still_be_used(agrees, billing, now):
    signer = key("ES256")
    request = make_request(now, billing.form, signer.sent())
    assert {"PROOF": "", "PROOF_FIRST_USE": ""}.items() <= checked(agrees(request, "")).items()
    again = make_request(now, billing.form, {"DPoP": request.headers["dpop"]})
    agrees(again, "dpop_proof_replayed")


def test_each_thing_that_is_wrong_with_a_proof_is_reported(agrees, demo, make, now):
    client, signer = make(demo, name="bound", require_dpop=True), key("ES256")
    agrees(make_request(now, client.form), "dpop_proof_missing")
    agrees(make_request(now, client.form, signer.sent(url="https://elsewhere.example/")), "dpop_proof_url")
    agrees(make_request(now, {**client.form, "dpop_jkt": "x"}, signer.sent()), "dpop_jkt_mismatch")


def test_a_proof_without_the_servers_nonce_is_reported(demo, billing, now, settings):
    settings.DPOP_NONCE = True
    assert reason_in(examine_form(make_request(now, billing.form, key("ES256").sent()), workspace=demo.pk, is_whole=True)) == "use_dpop_nonce"


def test_a_proof_is_examined_by_itself(demo, now):
    good = examine_proof(make_request(now, headers=key("ES256").sent()), workspace=demo.pk)
    assert (reason_in(good), good.credential_id) == ("", "")


def test_a_certificate_that_tokens_must_be_bound_to_is_left_open_until_it_is_shown(demo, make, holder, now):
    client = make(demo, name="bound", require_certificate=True)
    assert checked(examine_form(make_request(now, client.form), workspace=demo.pk, is_whole=True))["BINDING"] == "open"
    shown = examine_form(make_request(now, client.form, certificate=holder.der), workspace=demo.pk, is_whole=True)
    assert checked(shown)["BINDING"] == "certificate_untrusted"
