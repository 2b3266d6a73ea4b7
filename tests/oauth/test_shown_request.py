"""A request that somebody shows: each check says what the endpoint would, and nothing comes of it."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from clients import secret
from clients.certificate import read_certificates
from clients.models import RecordedRequest
from clients.secret import generate, hash_secret
from clients.services import usage
from clients.services.certificates import add_certificates, revoke_certificate
from clients.services.clients import disable_client
from clients.services.public_keys import revoke_public_key
from clients.services.secrets import revoke_secret
from oauth import private_key_jwt, replay
from oauth.errors import TemporarilyUnavailableError
from oauth.examination import Examination
from oauth.gateway import verify
from oauth.messages import Connection, Request
from oauth.models import FailureCount, UsedJWT
from oauth.reasons import Reason
from oauth.shown_request import examine_caller, examine_form, examine_proof
from oauth.token import token
from oauth.whoami import whoami
from tests import factories
from tests.certificates import Authority, issue, pem, self_signed
from tests.oauth.assertions import create_robot
from tests.oauth.proofs import key, new_key

FORM = {"content-type": "application/x-www-form-urlencoded"}
ADDRESS = "203.0.113.7"
GRANT = {"grant_type": "client_credentials"}


def make_request(
    now: Any,
    form: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
    *,
    path: str = "/oauth2/token",
    method: str = "POST",
    query: str = "",
    is_secure: bool = True,
    certificate: bytes | None = None,
    address: str = ADDRESS,
    body: str | None = None,
) -> Request:
    lowered = {name.lower(): value for name, value in (headers or {}).items()}
    content = urlencode({**GRANT, **(form or {})}) if body is None else body
    connection = Connection(remote_address=address, is_secure=is_secure, client_certificate=certificate, request_id="shown")
    return Request(method, path, query, {**FORM, **lowered}, content.encode(), connection, now, set())


def reason_of(examination: Examination) -> str:
    return examination.reason.code if examination.reason is not None else ""


def ask(request: Request, endpoint: Callable[[Request], Any] = token) -> str:
    """The reason for which the endpoint refuses, "" where it grants."""
    RecordedRequest.objects.all().delete()
    answer = endpoint(request)
    if answer.status < 400:
        return ""
    return RecordedRequest.objects.get(request_id="shown").reason


@pytest.fixture
def agrees(demo, now):
    """Examines first, so that whatever that left behind would show at the endpoint."""

    def agrees(request: Request, expected: str) -> Examination:
        examination = examine_form(request, workspace=demo.pk, is_whole=True)
        assert reason_of(examination) == expected
        assert ask(request) == expected
        return examination

    return agrees


def checked(examination: Examination) -> dict[str, str]:
    """By subject why it is refused, "" for good, “open” for what isn't known."""
    return {check.subject.name: "open" if check.is_open else check.reason.code if check.reason else "" for check in examination.checks}


# Secrets


@pytest.mark.parametrize("by", ["basic", "form"])
def test_a_good_secret_passes_every_check(agrees, billing, now, by):
    request = make_request(now, headers={"authorization": billing.basic}) if by == "basic" else make_request(now, billing.form)
    examination = agrees(request, "")
    assert examination.credential_id == billing.secret_id
    assert examination.client.client_id == billing.client_id
    assert examination.scopes == ("read", "write")
    assert examination.audiences == ("https://localhost:8443/w/demo",)
    assert examination.method == ("client_secret_basic" if by == "basic" else "client_secret_post")
    assert list(checked(examination)) == [
        "TRANSPORT", "QUERY", "FORM", "GRANT_TYPE", "AUTHENTICATION", "CLIENT", "SECRET_FORM", "SECRET", "OWNER", "LIFE", "STATUS", "METHOD", "ADDRESS", "WAIT",
        "SCOPE", "RESOURCE",
    ]  # fmt: skip


def test_each_thing_that_is_wrong_with_a_secret_is_told(agrees, billing, make, demo, now):
    other = make(demo, name="other")
    altered = billing.secret[:-7] + ("a" if billing.secret[-7] != "a" else "b")
    cut = billing.secret[:-1]
    assert agrees(make_request(now, {**billing.form, "client_secret": cut}), "bad_checksum").credential_id == ""
    agrees(make_request(now, {**billing.form, "client_secret": altered + billing.secret[-6:]}), "bad_checksum")
    agrees(make_request(now, {**billing.form, "client_secret": "$CLIENT_SECRET"}), "not_a_secret")
    agrees(make_request(now, {**billing.form, "client_secret": generate("live").plaintext}), "unknown_secret")
    agrees(make_request(now, {**billing.form, "client_secret": other.secret}), "other_clients_secret")
    agrees(make_request(now, {**billing.form, "client_id": "x" * 22}), "unknown_client")


def test_a_secret_that_has_another_ones_id_is_told(agrees, billing, now):
    row = billing.client.secrets.get()
    row.hash, row.digest = hash_secret("another"), ""
    row.save(update_fields=["hash", "digest"])
    agrees(make_request(now, billing.form), "wrong_secret")


def test_ended_and_revoked_secrets_are_told(agrees, billing, now):
    row = billing.client.secrets.get()
    factories.expire(row, ago=timedelta(minutes=1))
    agrees(make_request(now, billing.form), "secret_expired")
    revoke_secret(client=billing.client, secret_id=row.secret_id, actor=factories.TESTS, now=now)
    agrees(make_request(now, billing.form), "secret_revoked")


def test_what_the_client_forbids_is_told_even_where_the_secret_is_bad(agrees, billing, demo, make, now):
    strict = make(demo, name="strict", auth_methods=["client_secret_basic"], allowed_networks=["192.0.2.0/24"])
    examination = agrees(make_request(now, strict.form), "method_not_allowed")
    assert checked(examination)["ADDRESS"] == "address_not_allowed"
    wrong = examine_form(make_request(now, {"client_id": strict.client_id, "client_secret": "x"}), workspace=demo.pk, is_whole=False)
    assert {"not_a_secret", "method_not_allowed", "address_not_allowed"} <= set(checked(wrong).values())
    disable_client(client=billing.client, actor=factories.TESTS, now=now)
    agrees(make_request(now, billing.form), "client_disabled")


def test_an_address_that_nobody_says_is_left_open(demo, make, now):
    strict = make(demo, name="strict", allowed_networks=["192.0.2.0/24"])
    assert checked(examine_form(make_request(now, strict.form, address=""), workspace=demo.pk, is_whole=False))["ADDRESS"] == "open"
    free = make(demo, name="free")
    assert "ADDRESS" not in checked(examine_form(make_request(now, free.form, address=""), workspace=demo.pk, is_whole=False))


def test_an_address_that_has_to_wait_is_told(demo, billing, now, settings):
    settings.FAILURES_PER_CLIENT = 1
    for _ in range(2):
        token(make_request(now, {**billing.form, "client_secret": "x"}))
    assert checked(examine_form(make_request(now, billing.form), workspace=demo.pk, is_whole=True))["WAIT"] == "throttled"


def test_a_secret_that_waits_for_its_hash_is_told(demo, billing, now, monkeypatch):
    monkeypatch.setattr("clients.secret._HASHING_WAIT_SECONDS", 0)
    billing.client.secrets.update(digest="")
    with secret._hashing:
        assert reason_of(examine_form(make_request(now, billing.form), workspace=demo.pk, is_whole=True)) == "hashing_busy"


# The request around it


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"is_secure": False}, "plain_http"),
        ({"query": "client_secret=x"}, "credentials_in_query"),
        ({"method": "GET"}, "invalid_request"),
        ({"headers": {"content-type": "application/json"}}, "invalid_request"),
        ({"body": "grant_type=password"}, "unsupported_grant_type"),
        ({"body": ""}, "invalid_request"),
        ({"body": "grant_type=client_credentials"}, "missing_credentials"),
        ({"headers": {"authorization": "Basic eDp5", "content-type": FORM["content-type"]}, "form": {"client_secret": "x"}}, "invalid_request"),
        ({"headers": {"authorization": "Basic !"}}, "malformed_basic"),
        ({"headers": {"authorization": "Digest x"}}, "method_not_supported"),
        ({"form": {"client_secret": "x"}}, "invalid_request"),
        ({"certificate": b"x"}, "client_id_missing"),
    ],
    ids=str,
)
def test_what_is_wrong_with_the_request_is_told(demo, now, changes, expected):
    assert reason_of(examine_form(make_request(now, **changes), workspace=demo.pk, is_whole=True)) == expected


def test_scopes_and_resources_that_the_client_lacks_are_told(agrees, billing, now):
    agrees(make_request(now, {**billing.form, "scope": "admin"}), "scope_not_allowed")
    agrees(make_request(now, {**billing.form, "resource": "https://elsewhere.example"}), "resource_not_allowed")
    both = {**billing.form, "scope": "admin", "resource": "https://elsewhere.example"}
    assert {"scope_not_allowed", "resource_not_allowed"} <= set(checked(agrees(make_request(now, both), "scope_not_allowed")).values())


def test_other_endpoints_ask_for_no_grant(demo, billing, now):
    examination = examine_form(make_request(now, billing.form, path="/oauth2/introspect"), workspace=demo.pk, is_whole=True)
    assert reason_of(examination) == ""
    assert {"GRANT_TYPE", "SCOPE"}.isdisjoint(checked(examination))


# Assertions


def test_a_good_assertion_passes_and_can_still_be_used(agrees, demo, now):
    robot = create_robot(demo, now=now)
    examination = agrees(make_request(now, robot.form()), "")
    assert examination.credential_id == f"key:{robot.kid}"
    assert {"ASSERTION", "SIGNATURE", "CLAIMS", "FIRST_USE", "LIFE"} <= set(checked(examination))


def test_each_thing_that_is_wrong_with_an_assertion_is_told(agrees, demo, now):
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


def test_both_a_wrong_key_and_wrong_statements_are_told(demo, now):
    robot = create_robot(demo, now=now)
    codes = set(checked(examine_form(make_request(now, robot.form(header={"kid": "unknown"}, exp=1)), workspace=demo.pk, is_whole=True)).values())
    assert {"unknown_key", "assertion_expired"} <= codes


def test_keys_that_cant_be_fetched_now_are_told(demo, now, monkeypatch):
    robot = create_robot(demo, now=now)

    def refuse(*_arguments):
        raise TemporarilyUnavailableError(Reason("jwks_uri_busy", "Too many."))

    monkeypatch.setattr(private_key_jwt, "find_signer", refuse)
    assert reason_of(examine_form(make_request(now, robot.form()), workspace=demo.pk, is_whole=True)) == "jwks_uri_busy"


def test_what_was_made_before_the_machine_started_is_told(demo, now, monkeypatch):
    robot = create_robot(demo, now=now)
    monkeypatch.setattr(replay, "_boot_id", lambda: "this boot")
    monkeypatch.setattr(replay, "_floor", lambda *_: int(now.timestamp()) + 1000)
    assert reason_of(examine_form(make_request(now, robot.form()), workspace=demo.pk, is_whole=True)) == "assertion_replayed"


# Certificates


@pytest.fixture
def holder():
    return self_signed("machine")


@pytest.fixture
def machine(demo, make, holder, now):
    made = make(demo, name="machine", auth_methods=["self_signed_tls_client_auth"])
    add_certificates(client=made.client, parsed=read_certificates(pem(holder.certificate)), actor=factories.TESTS, now=now)
    return made


def test_a_registered_certificate_passes(agrees, machine, holder, now):
    examination = agrees(make_request(now, {"client_id": machine.client_id}, certificate=holder.der), "")
    assert examination.credential_id == machine.client.certificates.get().credential_id
    assert examination.method == "self_signed_tls_client_auth"


def test_each_thing_that_is_wrong_with_a_certificate_is_told(agrees, machine, holder, now):
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


def test_each_thing_that_is_wrong_with_a_proof_is_told(agrees, demo, make, now):
    client, signer = make(demo, name="bound", require_dpop=True), key("ES256")
    agrees(make_request(now, client.form), "dpop_proof_missing")
    agrees(make_request(now, client.form, signer.sent(url="https://elsewhere.example/")), "dpop_proof_url")
    agrees(make_request(now, {**client.form, "dpop_jkt": "x"}, signer.sent()), "dpop_jkt_mismatch")


def test_a_proof_without_the_servers_nonce_is_told(demo, billing, now, settings):
    settings.DPOP_NONCE = True
    assert reason_of(examine_form(make_request(now, billing.form, key("ES256").sent()), workspace=demo.pk, is_whole=True)) == "use_dpop_nonce"


def test_a_proof_is_examined_by_itself(demo, now):
    good = examine_proof(make_request(now, headers=key("ES256").sent()), workspace=demo.pk)
    assert (reason_of(good), good.credential_id) == ("", "")


def test_a_certificate_that_tokens_must_be_bound_to_is_left_open_until_it_is_shown(demo, make, holder, now):
    client = make(demo, name="bound", require_certificate=True)
    assert checked(examine_form(make_request(now, client.form), workspace=demo.pk, is_whole=True))["BINDING"] == "open"
    shown = examine_form(make_request(now, client.form, certificate=holder.der), workspace=demo.pk, is_whole=True)
    assert checked(shown)["BINDING"] == "certificate_untrusted"


# At a resource


def test_a_secret_as_an_api_key_passes(demo, billing, now):
    for headers in ({"x-api-key": billing.secret}, {"authorization": f"Bearer {billing.secret}"}, {"authorization": billing.basic}):
        examination = examine_caller(make_request(now, headers=headers, path="/gateway/demo/verify"), workspace=demo.pk, is_whole=True)
        assert reason_of(examination) == ""
        assert examination.credential_id == billing.secret_id


def test_a_client_that_needs_bound_tokens_cant_use_its_secret_alone(demo, make, now):
    client = make(demo, name="bound", require_dpop=True)
    request = make_request(now, headers={"x-api-key": client.secret}, path="/gateway/demo/verify")
    assert reason_of(examine_caller(request, workspace=demo.pk, is_whole=True)) == ask(request, verify) == "bound_token_required"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, "missing_credentials"),
        ({"authorization": "Basic !"}, "malformed_basic"),
        ({"x-api-key": "tos_live_x"}, "bad_checksum"),
    ],
    ids=str,
)
def test_what_is_no_credential_is_told_at_a_resource(demo, now, headers, expected):
    assert reason_of(examine_caller(make_request(now, headers=headers), workspace=demo.pk, is_whole=False)) == expected


def test_a_token_is_told_alive_or_dead(demo, billing, now):
    text = json.loads(token(make_request(now, billing.form)).body)["access_token"]
    request = make_request(now, headers={"authorization": f"Bearer {text}"}, method="GET", path="/api/v1/whoami")
    alive = examine_caller(request, workspace=demo.pk, is_whole=True)
    assert (reason_of(alive), alive.credential_id, alive.scopes) == ("", billing.secret_id, ("read", "write"))
    disable_client(client=billing.client, actor=factories.TESTS, now=now)
    dead = examine_caller(request, workspace=demo.pk, is_whole=True)
    assert reason_of(dead) == ask(request, whoami) == "client_disabled"
    assert dead.client.client_id == billing.client_id


# Other workspaces, and what is left behind


def test_what_is_of_another_workspace_reads_as_what_isnt_there(demo, other, eves, now):
    text = json.loads(token(make_request(now, eves.form)).body)["access_token"]
    robot = create_robot(other, now=now)
    holder = self_signed("eves")
    add_certificates(client=eves.client, parsed=read_certificates(pem(holder.certificate)), actor=factories.TESTS, now=now)

    def seen(form=None, headers=None, *, examine=examine_form, **options):
        return checked(examine(make_request(now, form, headers, **options), workspace=demo.pk, is_whole=True))

    nobody = "x" * 22
    foreign, unknown = eves.form, {"client_id": nobody, "client_secret": generate("live").plaintext}
    assert seen(foreign) == seen(unknown)
    assert seen(None, {"x-api-key": eves.secret}, examine=examine_caller) == seen(None, {"x-api-key": unknown["client_secret"]}, examine=examine_caller)
    assert seen(robot.form()) == seen(robot.form(iss=nobody, sub=nobody))
    assert seen({"client_id": eves.client_id}, certificate=holder.der) == seen({"client_id": nobody}, certificate=holder.der)
    assert seen(None, {"authorization": f"Bearer {text}"}, examine=examine_caller) == seen(None, {"authorization": "Bearer eyJ"}, examine=examine_caller)
    revoke_secret(client=eves.client, secret_id=eves.secret_id, actor=factories.TESTS, now=now)
    assert seen(None, {"authorization": f"Bearer {text}"}, examine=examine_caller)["TOKEN"] == "bad_token"


def test_nothing_comes_of_an_examination(demo, billing, now):
    robot = create_robot(demo, now=now)
    usage._take()
    for request in (
        make_request(now, billing.form, key("ES256").sent()),
        make_request(now, {**billing.form, "client_secret": "x"}),
        make_request(now, robot.form()),
    ):
        examine_form(request, workspace=demo.pk, is_whole=True)
    taken = usage._take()
    assert (taken.granted, taken.refused, taken.last_used, taken.outdated) == ({}, {}, {}, {})
    assert not UsedJWT.objects.exists()
    assert not FailureCount.objects.exists()
    assert not RecordedRequest.objects.exists()


def test_times_are_the_requests(demo, billing, now):
    factories.expire(billing.client.secrets.get(), ago=timedelta(hours=1))
    earlier = make_request(now - timedelta(hours=2), billing.form)
    assert checked(examine_form(earlier, workspace=demo.pk, is_whole=True))["LIFE"] == ""
