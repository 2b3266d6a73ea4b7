"""A request that somebody tests: each check says what the endpoint would, without effects."""

import json
from datetime import timedelta

import pytest

from clients import secret
from clients.certificate import read_certificates
from clients.models import ClientSecret, RecordedRequest
from clients.secret import generate, hash_secret
from clients.services import usage
from clients.services.certificates import add_certificates
from clients.services.clients import disable_client
from clients.services.secrets import revoke_secret
from oauth.gateway import verify
from oauth.models import FailureCount, UsedJWT
from oauth.shown_request import examine_caller, examine_form
from oauth.token import token
from oauth.whoami import whoami
from tests import factories
from tests.certificates import pem, self_signed
from tests.oauth.assertions import create_robot
from tests.oauth.proofs import key
from tests.oauth.shown import FORM, ask, checked, make_request, reason_in

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


def test_each_thing_that_is_wrong_with_a_secret_is_reported(agrees, billing, make, demo, now):
    other = make(demo, name="other")
    altered = billing.secret[:-7] + ("a" if billing.secret[-7] != "a" else "b")
    cut = billing.secret[:-1]
    assert agrees(make_request(now, {**billing.form, "client_secret": cut}), "bad_checksum").credential_id == ""
    agrees(make_request(now, {**billing.form, "client_secret": altered + billing.secret[-6:]}), "bad_checksum")
    agrees(make_request(now, {**billing.form, "client_secret": "$CLIENT_SECRET"}), "not_a_secret")
    agrees(make_request(now, {**billing.form, "client_secret": generate("live").plaintext}), "unknown_secret")
    agrees(make_request(now, {**billing.form, "client_secret": other.secret}), "other_clients_secret")
    agrees(make_request(now, {**billing.form, "client_id": "x" * 22}), "unknown_client")
    row = billing.client.secrets.get()
    ClientSecret.objects.filter(pk=row.pk).update(hash=hash_secret("another"), digest="")
    agrees(make_request(now, billing.form), "wrong_secret")
    row.save(update_fields=["hash", "digest"])
    factories.expire(row, ago=timedelta(minutes=1))
    agrees(make_request(now, billing.form), "secret_expired")
    revoke_secret(client=billing.client, secret_id=row.secret_id, actor=factories.TESTS, now=now)
    agrees(make_request(now, billing.form), "secret_revoked")


def test_what_the_client_forbids_is_reported_even_if_the_secret_is_wrong(agrees, billing, demo, make, now):
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


def test_an_address_that_has_to_wait_is_reported(demo, billing, now, settings):
    settings.FAILURES_PER_CLIENT = 1
    for _ in range(2):
        token(make_request(now, {**billing.form, "client_secret": "x"}))
    assert checked(examine_form(make_request(now, billing.form), workspace=demo.pk, is_whole=True))["WAIT"] == "throttled"


def test_a_secret_that_waits_for_its_hash_is_reported(demo, billing, now, monkeypatch):
    monkeypatch.setattr("clients.secret._HASHING_WAIT_SECONDS", 0)
    billing.client.secrets.update(digest="")
    with secret._hashing:
        assert reason_in(examine_form(make_request(now, billing.form), workspace=demo.pk, is_whole=True)) == "hashing_busy"


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
def test_what_is_wrong_with_the_request_is_reported(demo, now, changes, expected):
    assert reason_in(examine_form(make_request(now, **changes), workspace=demo.pk, is_whole=True)) == expected


def test_scopes_and_resources_that_the_client_lacks_are_reported_where_there_is_a_grant(agrees, demo, billing, now):
    agrees(make_request(now, {**billing.form, "scope": "admin"}), "scope_not_allowed")
    agrees(make_request(now, {**billing.form, "resource": "https://elsewhere.example"}), "resource_not_allowed")
    both = {**billing.form, "scope": "admin", "resource": "https://elsewhere.example"}
    assert {"scope_not_allowed", "resource_not_allowed"} <= set(checked(agrees(make_request(now, both), "scope_not_allowed")).values())
    examination = examine_form(make_request(now, billing.form, path="/oauth2/introspect"), workspace=demo.pk, is_whole=True)
    assert reason_in(examination) == ""
    assert {"GRANT_TYPE", "SCOPE"}.isdisjoint(checked(examination))


# Certificates


# At a resource


def test_a_secret_as_an_api_key_passes(demo, billing, now):
    for headers in ({"x-api-key": billing.secret}, {"authorization": f"Bearer {billing.secret}"}, {"authorization": billing.basic}):
        examination = examine_caller(make_request(now, headers=headers, path="/gateway/demo/verify"), workspace=demo.pk, is_whole=True)
        assert reason_in(examination) == ""
        assert examination.credential_id == billing.secret_id


def test_a_client_that_needs_bound_tokens_cant_use_its_secret_alone(demo, make, now):
    client = make(demo, name="bound", require_dpop=True)
    request = make_request(now, headers={"x-api-key": client.secret}, path="/gateway/demo/verify")
    assert reason_in(examine_caller(request, workspace=demo.pk, is_whole=True)) == ask(request, verify) == "bound_token_required"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, "missing_credentials"),
        ({"authorization": "Basic !"}, "malformed_basic"),
        ({"x-api-key": "tos_live_x"}, "bad_checksum"),
    ],
    ids=str,
)
def test_at_a_resource_anything_but_a_credential_is_reported(demo, now, headers, expected):
    assert reason_in(examine_caller(make_request(now, headers=headers), workspace=demo.pk, is_whole=False)) == expected


def test_it_reports_whether_a_token_still_works(demo, billing, now):
    text = json.loads(token(make_request(now, billing.form)).body)["access_token"]
    request = make_request(now, headers={"authorization": f"Bearer {text}"}, method="GET", path="/api/v1/whoami")
    alive = examine_caller(request, workspace=demo.pk, is_whole=True)
    assert (reason_in(alive), alive.credential_id, alive.scopes) == ("", billing.secret_id, ("read", "write"))
    disable_client(client=billing.client, actor=factories.TESTS, now=now)
    dead = examine_caller(request, workspace=demo.pk, is_whole=True)
    assert reason_in(dead) == ask(request, whoami) == "client_disabled"
    assert dead.client.client_id == billing.client_id


# Other workspaces, and what is left behind


def test_another_workspaces_data_looks_like_missing_data(demo, other, eves, now):
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
