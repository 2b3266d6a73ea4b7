"""Testing what a program sends: the pasted text is read as far as possible, each check says whether it passes, and nothing is stored or shown again."""

import json
import logging
from base64 import b64encode
from urllib.parse import quote_plus

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone

from clients.models import AuditEvent, RecordedRequest
from clients.secret import generate
from clients.services import usage
from dashboard.explain.sent_requests.reading import read_sent
from dashboard.explain.sent_requests.sent import UnreadableError
from dashboard.people import quotas
from oauth.models import FailureCount, UsedJWT
from tests import factories
from tests.certificates import pem, self_signed
from tests.dashboard.conftest import create_certificate, text_of
from tests.oauth.assertions import create_robot
from tests.oauth.doors import DOORS, basic
from tests.oauth.proofs import ISSUER, TOKEN_ENDPOINT, key

URL = "/w/demo/explain/test/"


def basic_of(client_id, secret):
    return b64encode(f"{client_id}:{secret}".encode()).decode()


@pytest.fixture
def pair(billing):
    """The ID and the secret of a client."""
    return billing.secret.client.client_id, billing.plaintext


@pytest.fixture
def test(adas, signing_key):
    """What the page says about a pasted text."""

    def test(pasted, **fields):
        page = adas.post(URL, {"pasted_credential": pasted, **fields})
        assert page.status_code == 200
        return text_of(page)

    return test


def forms_of(client_id, secret):
    """All forms of the same request."""
    body = f"grant_type=client_credentials&client_id={client_id}&client_secret={secret}"
    basic = basic_of(client_id, secret)
    grant, kind = "grant_type=client_credentials", "application/x-www-form-urlencoded"
    return {
        "curl with -u": f"curl -s -u '{client_id}:{secret}' {TOKEN_ENDPOINT} -d grant_type=client_credentials",
        "curl as in the README": (
            f'curl --silent --cacert var/tls/ca.pem \
  --user "{client_id}:{secret}" \
  --data {grant} \
  {TOKEN_ENDPOINT}'
        ),
        "curl with =": f"$ curl --user={client_id}:{secret} --url={TOKEN_ENDPOINT} --data=grant_type=client_credentials",
        "curl on Windows": f'curl.exe -k -sS -X POST ^\r\n -d "{body}" ^\r\n {TOKEN_ENDPOINT}',
        "curl, letters together": f"curl -ksu{client_id}:{secret} -dgrant_type=client_credentials {TOKEN_ENDPOINT}",
        "curl, encoded": (f"curl {TOKEN_ENDPOINT} --data-urlencode {grant} --data-urlencode client_id={client_id} --data-urlencode 'client_secret={secret}'"),
        "curl, headers": f"curl {TOKEN_ENDPOINT} -H 'Authorization: Basic {basic}' -H 'Content-Type: {kind}' --data-raw {grant}",
        "HTTP": f"POST /oauth2/token HTTP/1.1\r\nHost: localhost:8443\r\nContent-Type: {kind}\r\nContent-Length: 20\r\n\r\n{body}",
        "HTTP/2 as curl shows it": (
            f"> POST /oauth2/token HTTP/2\n> Host: localhost:8443\n> authorization: Basic {basic}\n> content-type: {kind}\n>\n> {grant}"
        ),
        "a request line with the URL": f"POST {TOKEN_ENDPOINT}\nAuthorization: Basic {basic}\n\ngrant_type=client_credentials",
        "headers": f"Authorization: Basic {basic}\nAccept: */*",
        "a header": f"authorization: basic {basic}",
        "its value": f"Basic {basic}",
        "ID and secret": f"{client_id}:{secret}",
        "a body": body,
        "a body over several lines": body.replace("&", "\n&"),
        "a secret": f"  {secret}\n",
        "an API key": f"X-API-Key: {secret}",
        "a bearer": f"Bearer {secret}",
        "curl to an API": f"curl https://localhost:8443/api/v1/whoami --oauth2-bearer {secret}",
    }


@pytest.mark.parametrize("name", forms_of("x" * 22, "y"))
def test_whatever_form_a_good_secret_comes_in_it_works_and_no_part_of_it_is_shown_again(adas, pair, signing_key, name):
    page = adas.post(URL, {"pasted_credential": forms_of(*pair)[name]})
    assert (page.status_code, page["Cache-Control"], page["Referrer-Policy"]) == (200, "no-store", "strict-origin")
    assert "This works" in text_of(page)
    assert "billing-sync" in text_of(page)
    for part in (pair[1], pair[1][-20:], basic_of(*pair)):
        assert part not in page.content.decode()


def test_each_check_is_told_with_what_it_would_get_and_what_fails_says_what_to_do(test, pair, demo):
    said = test(f"curl -u {pair[0]}:{pair[1][:-1]} http://localhost:8443/oauth2/token -d grant_type=client_credentials -d scope=admin")
    assert "This is refused" in said
    assert "Passes: The client is known" in said
    assert "Fails: The request came over plain HTTP with credentials. Use https." in said
    assert "Fails: The secret’s checksum is wrong. The secret was cut off or mistyped. Copy it again." in said
    assert "Fails: This client doesn’t have admin. Request less, or give the client what is missing. Add it" in said
    said = test(f"curl -u {pair[0]}:{pair[1]} {TOKEN_ENDPOINT} -d grant_type=client_credentials -d scope=read -d @body.txt")
    assert "Scopes read" in said
    assert f"Audience {ISSUER}/w/demo" in said
    assert "Method client_secret_basic" in said
    assert "The body is in the file body.txt" in said


def test_an_address_is_checked_if_it_is_given(test, demo):
    strict = factories.create_client(demo, name="strict", allowed_networks=["192.0.2.0/24"])
    pasted = f"{strict.secret.client.client_id}:{strict.plaintext}"
    assert "Enter the address below" in test(pasted)
    assert "The request came from 203.0.113.9, which isn’t in the client’s address ranges." in test(pasted, address="203.0.113.9")
    assert "The client may call from this address" in test(pasted, address=" 192.0.2.4 ")


def test_assertions_proofs_certificates_and_tokens_are_read_by_themselves(test, demo, pair, now):
    robot = create_robot(demo, now=now)
    assert "One of the client’s keys signed the assertion" in test(robot.assertion())
    assert "The DPoP proof is right" in test(key("ES256").proof())
    machine = factories.create_client(demo, name="machine", auth_methods=["self_signed_tls_client_auth"]).secret.client
    holder = self_signed("machine")
    create_certificate(machine, pem(holder.certificate))
    assert "The certificate belongs to the client and is valid now" in test(pem(holder.certificate))
    assert "it doesn’t say which client it is from" in test(pem(self_signed("other").certificate))
    with_command = f"curl --cert client.pem {TOKEN_ENDPOINT} -d grant_type=client_credentials -d client_id={machine.client_id}"
    assert "Paste its PEM below the command" in test(with_command)
    both = test(f"{with_command}\n{pem(holder.certificate)}")
    assert "This works" in both
    assert "Paste its PEM" not in both
    token = json.loads(_get_token(*pair))["access_token"]
    assert "The token is valid" in test(token)
    assert "The token is valid" in test(f"GET /api/v1/whoami HTTP/1.1\nAuthorization: Bearer {token}")


def _get_token(client_id, secret):
    return DOORS["asgi"].token(basic(client_id, secret)).body


def test_a_request_to_elsewhere_is_noticed(test, pair):
    said = test(f"curl -u {pair[0]}:{pair[1]} https://login.example.com/token -d grant_type=client_credentials")
    assert "It goes to login.example.com. This server is localhost:8443." in said
    said = test(f"curl {ISSUER}/token -d client_id={pair[0]} -d client_secret={pair[1]} -d grant_type=client_credentials")
    assert f"The token endpoint is {TOKEN_ENDPOINT}, not /token." in said
    assert "Fails: The request came over plain HTTP" in test(f"curl -u {pair[0]}:{pair[1]} localhost:8443/oauth2/token -d grant_type=client_credentials")


def test_json_and_get_are_refused_as_the_endpoint_does(test, pair):
    body = json.dumps({"grant_type": "client_credentials", "client_id": pair[0], "client_secret": pair[1]})
    assert "Fails: Send the parameters with Content-Type: application/x-www-form-urlencoded." in test(body)
    assert "Fails: Send the parameters with Content-Type" in test(f"curl --json '{body}' {TOKEN_ENDPOINT}")
    said = test(f"curl -G {TOKEN_ENDPOINT} -d client_id={pair[0]} -d client_secret={pair[1]}")
    assert "Fails: The request had credentials in the URL" in said
    assert "Fails: This endpoint accepts only POST requests." in said


@pytest.mark.parametrize(
    ("pasted", "words"),
    [
        ("", "Paste what your program sends."),
        ("hello", "Nothing here looks like a request."),
        ("{not json", "Nothing here looks like a request."),
        ("curl 'https://x", "A quotation mark in this command isn’t closed."),
        ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", "That is a private key. It wasn’t stored. Treat it as leaked"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "The certificate can’t be read."),
        ("x" * 140_000, "This is longer than any request."),
        ("curl 'https://[::1/oauth2/token' -d x=y", "The address can’t be read."),
        ("POST https://[:::]/oauth2/token HTTP/1.1", "The address can’t be read."),
        ("POST https://a\N{CARE OF}b/oauth2/token HTTP/1.1", "The address can’t be read."),
        ("[" * 100_000, "Nothing here looks like a request."),
    ],
    ids=lambda value: value[:20],
)
def test_for_anything_but_a_request_it_says_what_to_paste(adas, pasted, words):
    page = adas.post(URL, {"pasted_credential": pasted})
    assert words in text_of(page)
    assert "<title>Error: " in page.content.decode()


def test_an_address_that_is_none_is_said_at_its_field(adas, pair):
    page = adas.post(URL, {"pasted_credential": ":".join(pair), "address": "203.0.113.300"})
    assert "That isn’t an IP address. Use one such as 203.0.113.5." in text_of(page)
    assert pair[1] not in page.content.decode()


def test_another_workspaces_data_looks_like_missing_data(test, other):
    foreign = factories.create_client(other)
    test("Basic x")  # the first page after signing in has a note of its own
    nobody = test(f"{'x' * 22}:{generate('live').plaintext}")
    assert "No client of this workspace has this ID." in nobody
    assert "The secret is well-formed but isn’t from this workspace." in nobody
    assert test(f"{foreign.secret.client.client_id}:{foreign.plaintext}") == nobody


def test_nothing_is_kept_logged_or_counted(adas, demo, pair, now, caplog):
    caplog.set_level(logging.DEBUG)
    usage._take()
    robot = create_robot(demo, now=now)
    events, wrong = AuditEvent.objects.count(), pair[1][:-1]
    for pasted in (":".join(pair), f"{pair[0]}:{wrong}", robot.assertion()):
        assert adas.post(URL, {"pasted_credential": pasted}).status_code == 200
    taken = usage._take()
    assert (taken.granted, taken.refused, taken.last_used) == ({}, {}, {})
    assert AuditEvent.objects.count() == events
    assert not RecordedRequest.objects.exists()
    assert not UsedJWT.objects.exists()
    assert [count.failures for count in FailureCount.objects.all()] == [3]  # how often Ada has tested
    assert wrong not in caplog.text
    assert all(wrong not in str(session.get_decoded()) for session in Session.objects.all())


def test_only_the_person_who_tries_secrets_has_to_wait(adas, bens, pair, signing_key, monkeypatch):
    monkeypatch.setattr(quotas, "MAX_TESTS", 2)
    for _ in range(2):
        assert adas.post(URL, {"pasted_credential": "Basic x"}).status_code == 200
    page = adas.post(URL, {"pasted_credential": ":".join(pair)})
    assert page.status_code == 429
    assert page["Retry-After"]
    assert "Too many attempts. Wait" in text_of(page)
    assert "This works" not in text_of(page)
    assert "This works" in text_of(bens.post(URL, {"pasted_credential": ":".join(pair)}))
    # Somebody who follows a link finds the form.
    page = adas.get(URL)
    assert (page.status_code, page["Location"]) == (302, "/w/demo/explain/")


def test_markup_in_what_is_pasted_stays_text(adas):
    page = adas.post(URL, {"pasted_credential": "curl https://<b>x</b>/oauth2/token -d scope='<script>' -u x:y"}).content.decode()
    assert "<script>" not in page.partition("<main")[2].partition("</main>")[0]
    assert "<b>x</b>" not in page


def test_viewers_read_it_without_links_to_what_they_may_not_do(bens, billing):
    factories.expire(billing.secret)
    page = bens.post(URL, {"pasted_credential": f"{billing.secret.client.client_id}:{billing.plaintext}"})
    assert "expired on" in text_of(page)
    assert "Make a new secret" not in text_of(page)


# Reading


@pytest.mark.parametrize(
    ("pasted", "method", "url", "body"),
    [
        ("curl example.com", "GET", "http://example.com", None),
        ("curl -d a=1 -d b=2 https://x/", "POST", "https://x/", "a=1&b=2"),
        ("curl -X put -d a=1 https://x/", "PUT", "https://x/", "a=1"),
        ("curl --get -d a=1 'https://x/?b=2'", "GET", "https://x/?b=2&a=1", None),
        ("curl --data-urlencode '=a b' --data-urlencode 'n=ü' https://x/", "POST", "https://x/", f"a+b&n={quote_plus('ü')}"),
        ("curl --data-urlencode 'a b' https://x/", "POST", "https://x/", "a+b"),
        ("curl --data-raw @file https://x/", "POST", "https://x/", "@file"),
        ("curl -o out -w '%{http_code}' --max-time 5 --compressed https://x/ -H Malformed", "GET", "https://x/", None),
        ("curl", "GET", "", None),
        ("curl - https://x/", "GET", "-", None),
    ],
)
def test_curl_commands_are_read_as_curl_reads_them(pasted, method, url, body):
    sent = read_sent(pasted)
    assert (sent.method, sent.url, sent.body) == (method, url if "://" in url or not url else f"http://{url}", body)


def test_requests_are_read_as_the_server_sees_them():
    """A repeated header is one value, and a request without Host is for this server."""
    assert read_sent("POST /x HTTP/1.1\nAuthorization: Basic a\nAuthorization: Basic b").headers["authorization"] == "Basic a,Basic b"
    assert read_sent("POST /oauth2/token HTTP/1.1\n\na=1").url == TOKEN_ENDPOINT


def test_long_text_of_any_kind_is_read_quickly():
    begun = timezone.now()
    for pasted in ("curl " + "-d a " * 20_000, "a: b\n" * 20_000, "eyJ." * 30_000, "'" * 100_001, "-----BEGIN CERTIFICATE-----" * 4_000, "A" * 120_000):
        try:
            read_sent(pasted)
        except UnreadableError:
            continue
    assert (timezone.now() - begun).total_seconds() < 5


def test_a_stranger_is_led_to_the_sign_in(browser, pair):
    page = browser.post(URL, {"pasted_credential": ":".join(pair)})
    assert page.status_code == 302
    assert pair[1] not in page["Location"]


def test_it_takes_few_queries(adas, pair, django_assert_max_num_queries):
    adas.get("/w/demo/explain/")
    with django_assert_max_num_queries(14):
        adas.post(URL, {"pasted_credential": ":".join(pair)})
