"""Before saving, the page shows what the client did in the last 7 days that would be refused."""

from datetime import timedelta

import pytest

from clients.models import Client, TokenCount
from tests import factories
from tests.dashboard.client_settings.conftest import changes, entries, entries_of, live, path, use
from tests.dashboard.conftest import text_of


@pytest.fixture
def used(client, billing):
    client.audiences, client.allowed_networks = ["https://a.example.com", "https://b.example.com"], ["198.51.100.0/24"]
    client.save()
    use(client, credential=billing.secret.secret_id, scopes=["write"])
    return client


def ask(browser, client, entered):
    return browser.post(path(client), {**entries(client), **entered})


def test_removal_of_a_scope_in_use_is_asked_about_first(carls, used):
    """Who agrees to one loss is asked about another; and one can go on editing with what one entered."""
    page = ask(carls, used, {"scopes": ["read"]})
    text = text_of(page)
    assert page.status_code == 200
    assert "write was requested 4,120 times in 7 days. Those requests will be refused." in text
    assert "Nothing has changed yet." in text
    hidden = entries_of(page) | {"agreed": page.context["agreed"]}
    another = carls.post(path(used), {**hidden, "audiences": "https://a.example.com"})
    assert "Nothing has changed yet." in text_of(another)
    again = carls.post(path(used), {**entries(used), "scopes": ["read"], "name": "renamed", "edit": "1"})
    assert (entries_of(again)["name"], entries_of(again)["scopes"]) == ("renamed", ["read"])
    assert "Save changes" in text_of(again)
    assert "Those requests will be refused." in text_of(again)
    assert changes() == []
    assert "Scopes changed." in text_of(carls.post(path(used), hidden, follow=True))
    assert Client.objects.get().scopes == ["read"]


@pytest.mark.parametrize(
    ("entered", "said"),
    [
        ({"auth_methods": ["client_secret_basic"]}, "4,120 requests in 7 days came with a secret. Those that send it in the body will be refused."),
        ({"auth_methods": ["client_secret_post"]}, "Those that send it in the Authorization header, or as an API key, will be refused."),
        ({"auth_methods": ["private_key_jwt"]}, "4,120 requests in 7 days authenticated with client_secret_basic."),
        ({"allowed_networks": "203.0.113.0/24"}, "198.51.100.7 made 4,120 requests in 7 days. It isn’t in the new ranges"),
        ({"audiences": "https://b.example.com"}, "Requests for https://a.example.com will be refused."),
        ({"audiences": ""}, "New tokens won’t be for https://a.example.com."),
        ({"require_dpop": "on"}, "Requests without a DPoP proof will be refused."),
        ({"require_certificate": "on"}, "Requests without a client certificate will be refused."),
    ],
)
def test_whatever_else_was_used_is_asked_about_too(carls, used, entered, said):
    page = ask(carls, used, entered)
    assert said in text_of(page)
    assert "Keep it as it is" in text_of(page)
    assert changes() == []
    summary = carls.post(path(used), {**entries(used), **entered}, headers={"HX-Request": "true"})
    assert said in text_of(summary)


@pytest.mark.parametrize(
    "entered",
    [
        {"scopes": ["write"]},
        {"allowed_networks": ""},
        {"allowed_networks": "198.51.100.7"},
        {"audiences": "https://a.example.com\nhttps://b.example.com\nhttps://c.example.com"},
        {"auth_methods": ["client_secret_basic", "client_secret_post", "private_key_jwt"]},
        {"token_lifetime": "300"},
    ],
)
def test_what_nothing_used_and_what_adds_is_saved_at_once(carls, used, entered):
    assert ask(carls, used, entered).status_code == 302
    assert len(changes()) == 1


def test_use_of_longer_ago_than_a_week_is_lost_to_nobody(carls, client, billing):
    use(client, credential=billing.secret.secret_id, ago=timedelta(days=9), scopes=["write"])
    assert ask(carls, client, {"scopes": ["read"], "auth_methods": ["private_key_jwt"], "require_dpop": "on"}).status_code == 302


def test_scope_that_was_granted_without_being_asked_for_is_told_apart_and_a_first_audience_takes_the_workspaces_own_away(carls, client, billing):
    use(client, credential=billing.secret.secret_id, scopes=["write"], asked=False, count=1)
    text = text_of(ask(carls, client, {"scopes": ["read"]}))
    assert "write was in 1 token in 7 days, without being requested. New tokens won’t carry it" in text
    text = text_of(ask(carls, client, {"audiences": "https://a.example.com"}))
    assert "New tokens will be for https://a.example.com instead of the workspace’s own APIs." in text


def test_method_is_judged_by_the_credentials_that_are_for_it(carls, demo):
    client = factories.create_client(demo, name="keys", auth_methods=["client_secret_basic", "private_key_jwt", "self_signed_tls_client_auth"]).secret.client
    use(client, credential="key:laptop", count=7)
    text = text_of(ask(carls, client, {"auth_methods": ["self_signed_tls_client_auth"]}))
    assert "7 requests in 7 days authenticated with private_key_jwt." in text
    assert "client_secret_basic." not in text
    assert ask(carls, client, {"auth_methods": ["private_key_jwt"]}).status_code == 302


def test_tokens_of_another_key_address_or_subject_end_and_the_page_says_so(adas, demo):
    """A source that no living token came from is given up without a question."""
    uri = "https://a.example.com/jwks.json"
    client = factories.create_client(
        demo,
        name="keys",
        auth_methods=["private_key_jwt", "tls_client_auth"],
        jwks_uri=uri,
        tls_subject_type="tls_client_auth_san_dns",
        tls_subject="a.example.com",
    ).secret.client
    live(client, credential="jwks_uri:0123:thumb", count=3)
    live(client, credential="tls_subject:0123", count=1)
    text = text_of(ask(adas, client, {"jwks_uri": "https://b.example.com/jwks.json", "tls_subject": "b.example.com"}))
    assert "3 tokens end at once. Keys at the current URL obtained them." in text
    assert "1 token ends at once. Certificates with the current subject obtained it." in text
    TokenCount.objects.all().delete()
    assert ask(adas, client, {"jwks_uri": "https://b.example.com/jwks.json"}).status_code == 302
    assert changes() == [({"jwks_uri": uri}, {"jwks_uri": "https://b.example.com/jwks.json"})]


def test_proof_comes_after_the_question_and_keeps_what_was_entered(ada, demo, used, browser):
    browser.force_login(ada)
    methods = {"auth_methods": ["private_key_jwt"], "jwks_uri": "https://b.example.com/jwks.json"}
    page = ask(browser, used, methods)
    assert "Nothing has changed yet." in text_of(page)
    response = browser.post(path(used), entries_of(page) | {"agreed": page.context["agreed"]})
    assert response["Location"].startswith("/accounts/confirm/")
    page = browser.post(response["Location"], {"password": factories.PASSWORD}, follow=True)
    assert "Methods and JWKS URL changed." in text_of(page)
