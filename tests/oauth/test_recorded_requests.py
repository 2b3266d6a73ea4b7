"""Why a request failed is kept for the client's owner under its request ID, and nothing secret with it."""

import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest
from django.core import serializers
from django.db import connections, transaction
from django.utils import timezone

from clients.models import RecordedRequest
from clients.secret import generate
from clients.services.clients import disable_client
from clients.services.scopes import create_scope
from oauth.models import FailureCount
from tests import factories
from tests.oauth.assertions import ASSERTION_TYPE
from tests.oauth.doors import ADDRESS, basic, bearer


def kept(answer):
    return RecordedRequest.objects.get(request_id=answer.request_id)


def is_kept(answer):
    return RecordedRequest.objects.filter(request_id=answer.request_id).exists()


def test_a_wrong_secret_is_kept_for_its_client_with_all_that_the_owner_may_know_and_of_an_unknown_client_the_beginning_of_its_id(send, billing, make, demo):
    answer = send.token(basic(billing.client_id, make(demo).secret))
    row = kept(answer)
    assert (row.client, row.workspace) == (billing.client, billing.client.workspace)
    assert (row.endpoint, row.status, row.error, row.reason) == ("token", 401, "invalid_client", "other_clients_secret")
    assert row.detail == "The client ID and the secret belong to different clients."
    assert row.named_client_id == billing.client_id
    assert row.address == ADDRESS
    row = kept(send.token(basic("Unknown-client-id-0001", billing.secret)))
    assert (row.client, row.workspace, row.reason, row.named_client_id) == (None, None, "unknown_client", "Unknown-…")
    row = kept(send.get("/gateway/demo/verify", bearer(billing.secret[:-1] + "!")))
    assert (row.client, row.reason, row.status, row.error) == (None, "bad_checksum", 401, "invalid_token")


@pytest.mark.parametrize("case", ["unsupported_grant_type", "invalid_scope", "scope_not_allowed", "resource_not_allowed"])
def test_what_an_authenticated_client_does_wrong_is_kept_for_it(send, billing, case):
    parameters = {
        "unsupported_grant_type": {"grant_type": "password"},
        "invalid_scope": {"grant_type": "client_credentials", "scope": "a  b"},
        "scope_not_allowed": {"grant_type": "client_credentials", "scope": "admin read"},
        "resource_not_allowed": {"grant_type": "client_credentials", "resource": "https://x.example.com"},
    }[case]
    row = kept(send.post("/oauth2/token", parameters, billing.basic))
    assert (row.client, row.workspace, row.reason, row.status) == (billing.client, billing.client.workspace, case, 400)
    if case == "scope_not_allowed":
        assert row.detail == "This client doesn't have admin. Request less, or give the client what is missing."


@pytest.mark.parametrize(
    "case", ["no grant_type", "two methods", "query", "query by body", "content type", "repeated", "too many", "too large", "wrong method"]
)
def test_a_malformed_request_is_kept_for_the_client_that_it_names(send, billing, case):
    form = {"grant_type": "client_credentials"}
    answer = {
        "no grant_type": lambda: send.post("/oauth2/token", {}, billing.basic),
        "two methods": lambda: send.token(billing.basic, billing.form),
        "query": lambda: send.post("/oauth2/token", form, query=f"client_id={billing.client_id}&client_secret={billing.secret}"),
        "query by body": lambda: send.post("/oauth2/token", form | billing.form, query=f"client_secret={billing.secret}"),
        "content type": lambda: send.post("/oauth2/token", form, billing.basic, headers={"Content-Type": "application/json"}),
        "repeated": lambda: send.post("/oauth2/token", [*form.items(), *form.items(), *billing.form.items()]),
        "too many": lambda: send.post("/oauth2/token", [*((f"name-{number}", "x") for number in range(200)), ("client_id", ""), *billing.form.items()]),
        "too large": lambda: send.post("/oauth2/token", {"foo": "x" * 70_000}, billing.basic),
        "wrong method": lambda: send("PUT", "/oauth2/token", headers={"Authorization": billing.basic}),
    }[case]()
    row = kept(answer)
    assert (row.client, row.workspace, row.error) == (billing.client, billing.client.workspace, "invalid_request")
    assert row.reason == ("credentials_in_query" if case.startswith("query") else "invalid_request")


@pytest.mark.parametrize("case", ["scope", "resource"])
@pytest.mark.parametrize("misplaced", ["secret", "token"])
def test_a_secret_or_token_in_the_wrong_parameter_is_not_kept(send, billing, case, misplaced):
    value = billing.secret if misplaced == "secret" else send.token(billing.basic).json()["access_token"]
    row = kept(send.post("/oauth2/token", {"grant_type": "client_credentials", case: value}, billing.basic))
    assert row.reason in ("scope_not_allowed", "resource_not_allowed")
    assert value[21:40] not in row.detail
    assert "…" in row.detail


SPOILT = "read" + generate("live").plaintext[20:]


@pytest.mark.parametrize("door", ["known client", "unknown client", "malformed", "plain HTTP", "demanded scope", "demanded audience", "resource", "grant type"])
def test_only_the_beginning_of_unknown_values_is_kept(asgi, send, billing, caplog, door):
    """If a body lost its separators, any value before a secret may contain the secret's end."""
    caplog.set_level("INFO")
    form = {"grant_type": "client_credentials"}
    answer = {
        "known client": lambda: send.post("/oauth2/token", form | {"scope": f"read {SPOILT} {SPOILT}2"}, billing.basic),
        "unknown client": lambda: send.post("/oauth2/token", form | {"scope": SPOILT}, basic("Unknown-client-id-0001", "x")),
        "malformed": lambda: send.post("/oauth2/token", {"scope": f"read {SPOILT}"}, billing.basic),
        "plain HTTP": lambda: asgi.token(billing.basic, {"scope": SPOILT}, secure=False),
        "demanded scope": lambda: send.get("/gateway/demo/verify", query=f"scope=read+{SPOILT}", headers={"Authorization": billing.basic}),
        "demanded audience": lambda: send.get("/gateway/demo/verify", query=f"audience=https://{SPOILT}", headers={"Authorization": billing.basic}),
        "resource": lambda: send.post("/oauth2/token", form | {"resource": f"https://localhost:8443{SPOILT}"}, billing.basic),
        "grant type": lambda: send.post("/oauth2/token", {"grant_type": SPOILT}, billing.basic),
    }[door]()
    rows = list(RecordedRequest.objects.filter(request_id=answer.request_id).values())
    assert len(rows) == 1
    records = [vars(record) for record in caplog.records]
    for place in (repr(rows), repr(records), repr(answer.headers)):
        assert SPOILT[12:24] not in place
        assert SPOILT[-12:] not in place
    said = rows[0]["scope"]
    if door in ("known client", "malformed"):
        assert said == f"read {SPOILT[:12]}…" + (" …" if door == "known client" else "")


def test_scopes_that_the_workspace_has_are_kept_whole(send, billing, demo, now):
    name = "orders-of-the-warehouse:read"
    create_scope(workspace=demo, name=name, description="", actor=factories.TESTS, now=now)
    row = kept(send.post("/oauth2/token", {"grant_type": "client_credentials", "scope": f"{name} admin"}, billing.basic))
    assert row.scope == f"{name} admin"
    assert row.detail == f"This client doesn't have {name} admin. Request less, or give the client what is missing."


def test_a_resource_that_the_workspace_has_is_kept_whole(send, billing, make, demo):
    audience = "https://api.example.com/orders/of/the/warehouse"
    make(demo, audiences=(audience,))
    for uri, said in ((audience, audience), (f"{audience}#{SPOILT}", "https://api.example.…"), ("x" * 600, "x" * 12 + "…")):
        row = kept(send.post("/oauth2/token", {"grant_type": "client_credentials", "resource": uri}, billing.basic))
        assert row.detail == f"{said} isn't one of this client's audiences. Leave resource out, or add it to the client."
        answer = send.get("/gateway/demo/verify", query=f"audience={quote(uri)}", headers={"Authorization": billing.basic})
        assert kept(answer).detail == f"The token is for https://localhost:8443/w/demo, not for {said}."


def test_a_scope_that_is_none_is_kept_for_nobody_to_stumble_over_and_of_a_long_one_only_the_beginning_is_looked_at_again(send, billing):
    """The form is already parsed, and refusing 60 KB should cost no more than that."""
    for scope in ("", " ", "\0read", "x" * 50_000, " ".join(f"s{number}" for number in range(5000))):
        assert len(kept(send.post("/oauth2/token", {"scope": scope}, billing.basic)).scope) <= 15
    row = kept(send.post("/oauth2/token", {"scope": f"read {'x' * 40_000} write"}, billing.basic))
    assert row.scope.startswith("read x")
    assert "write" not in row.scope


def test_plain_http_is_kept_for_the_client_whose_secret_is_leaked_by_it(asgi, billing):
    for answer in (asgi.token(billing.basic, secure=False), asgi.token(None, billing.form, secure=False)):
        row = kept(answer)
        assert (row.client, row.reason) == (billing.client, "plain_http")
        assert "rotate" in row.detail
        assert "treat the credentials that were sent without TLS as leaked" in answer.json()["error_description"]


@pytest.mark.parametrize("case", ["assertion", "api key", "query", "encoded name", "no form", "endless", "introspected token"])
def test_plain_http_counts_as_leak_wherever_the_credentials_stand(send, billing, case):
    answer = {
        "assertion": lambda: send.token(None, {"client_assertion": "a.b.c"}, secure=False),
        "api key": lambda: send("GET", "/gateway/demo/verify", headers={"X-API-Key": billing.secret}, secure=False),
        "query": lambda: send.token(None, query=f"client_secret={billing.secret}", secure=False),
        "encoded name": lambda: send.post("/oauth2/token", b"client%5Fs%65cret=x", secure=False),
        "no form": lambda: send.post("/oauth2/token", f'{{"key": "{billing.secret}"}}'.encode(), secure=False),
        "endless": lambda: send.post("/oauth2/token", b"x" * 70_000, secure=False),
        "introspected token": lambda: send.post("/oauth2/introspect", {"token": "a.b.c"}, secure=False),
    }[case]()
    assert "leaked" in answer.json()["error_description"]


def test_plain_http_without_credentials_leaks_none(send, billing):
    for answer in (
        send.get("/.well-known/jwks.json", secure=False),
        send.get("/gateway/demo/verify", query="scope=read", secure=False),
        send.post("/oauth2/token", {"grant_type": "client_credentials"}, secure=False),
        send.post("/oauth2/token", {"client_id": billing.client_id}, secure=False),
    ):
        assert answer.json()["error_description"] == "The request came over plain HTTP. Use https://localhost:8443."
    assert kept(answer).detail == "The request came over plain HTTP. Use https."


@pytest.mark.parametrize("named", ["", "short", "x" * 65, "\0" * 20, "ü" * 20, "unknown-client-0001"])
def test_a_malformed_request_that_names_nobody_we_know_is_not_kept(send, billing, named):
    assert not is_kept(send.post("/oauth2/token", {}, basic(named, billing.secret)))
    assert not is_kept(send.post("/oauth2/token", {"client_id": named}))
    assert not is_kept(send.post("/oauth2/token", b"\xff\xfe"))
    assert not is_kept(send.post("/oauth2/token", b"&" * 200))
    for credentials in ("!", "a", "/w=="):
        assert not is_kept(send.post("/oauth2/token", {}, f"Basic {credentials}"))


def test_bearer_tokens_are_kept_for_the_client_that_they_were_issued_to(send, billing, other):
    token = send.token(billing.basic).json()["access_token"]
    row = kept(send.get("/gateway/other/verify", bearer(token)))
    assert (row.client, row.endpoint, row.reason) == (billing.client, "gateway", "other_workspace")
    assert not is_kept(send.get("/api/v1/whoami", bearer("a.b.c")))
    assert not is_kept(send.get("/api/v1/whoami"))


def test_what_fails_on_our_side_is_not_kept(asgi, billing, signing_key):
    signing_key.delete()
    assert not is_kept(asgi.token(billing.basic))


def test_nothing_secret_is_kept_or_logged(send, billing, caplog):
    token = send.token(billing.basic).json()["access_token"]
    secret, cut = billing.secret, billing.secret[:-3]
    send.token(basic(billing.client_id, cut))
    send.token(basic(secret, billing.client_id))
    send.token(None, {"client_id": secret, "client_secret": "x"})
    send.token(f"{secret} x")
    send.token(f"Bearer {secret}")
    send.token(None, billing.form, query=f"client_secret={secret}&client_id={secret}")
    send.token(None, {"client_id": billing.client_id, "client_assertion": secret, "client_assertion_type": secret})
    send.token(None, {"client_id": billing.client_id, "client_assertion": secret, "client_assertion_type": ASSERTION_TYPE})
    send.get("/api/v1/whoami", bearer(cut))
    send.get("/api/v1/whoami", f"{token} x")
    send.get("/api/v1/whoami", f"Basic {token}")
    send.get("/gateway/other/verify", bearer(token))
    everything = serializers.serialize("json", RecordedRequest.objects.all()) + str([vars(record) for record in caplog.records])
    assert RecordedRequest.objects.count() >= 8
    for leaked in (secret[20:40], cut[20:40], token[40:80]):
        assert leaked not in everything


@pytest.mark.parametrize("scheme", ["basic", "bearer"])
def test_a_stranger_finds_out_nothing_by_the_answer(send, billing, scheme):
    """Neither status, headers nor body show whether there is anything to find under the request ID."""
    known, unknown = (
        send.token(basic(name, "tos_live_x")) if scheme == "basic" else send.get("/api/v1/whoami", bearer("tos_live_x"))
        for name in (billing.client_id, "A" * 22)
    )
    assert known.body == unknown.body
    assert known.status == unknown.status
    assert {**known.headers, "x-request-id": ""} == {**unknown.headers, "x-request-id": ""}


def test_a_dead_token_that_is_sent_on_and_on_is_kept_a_hundred_times(asgi, billing, make, demo):
    token = asgi.token(billing.basic).json()["access_token"]
    disable_client(client=billing.client, actor=factories.TESTS, now=timezone.now())
    refused = lambda: asgi.get("/api/v1/whoami", bearer(token))  # noqa: E731
    assert (refused().status, FailureCount.objects.exclude(key__startswith="kept of ").update(failures=99)) == (401, 1)
    assert [is_kept(refused()) for _ in range(2)] == [True, False]
    orders = make(demo, name="orders")
    assert is_kept(asgi.token(orders.basic, {"scope": "admin"}))


def test_of_a_client_that_a_stranger_names_on_and_on_nothing_more_is_written(asgi, billing):
    """Otherwise anybody who knows a client ID could keep the database busy: each write waits for the disk."""
    named = lambda: asgi.post("/oauth2/token", {}, basic(billing.client_id, "x"))  # noqa: E731
    assert (named().status, FailureCount.objects.exclude(key__startswith="kept of ").update(failures=99)) == (400, 1)
    assert [is_kept(named()) for _ in range(3)] == [True, False, False]
    assert FailureCount.objects.exclude(key__startswith="kept of ").get().failures == 100


@pytest.mark.long
@pytest.mark.django_db(transaction=True)
def test_a_mistake_that_waited_while_others_reached_the_limit_is_not_kept(asgi, billing):
    def mistake():
        try:
            return asgi.post("/oauth2/token", {}, basic(billing.client_id, "x"))
        finally:
            connections.close_all()

    assert is_kept(mistake())
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            FailureCount.objects.exclude(key__startswith="kept of ").update(failures=100)
            # It reads that there is room, then waits for the lock that this transaction holds.
            late = pool.submit(mistake)
            time.sleep(0.5)
        assert late.result().status == 400
    assert not is_kept(late.result())
    assert FailureCount.objects.exclude(key__startswith="kept of ").get().failures == 101
