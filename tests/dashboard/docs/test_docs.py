"""/w/<workspace>/docs/: how to use the instance, with the values of this workspace and of a client that the reader chooses."""

import re

import pytest

from clients.services.clients import disable_client
from clients.services.secrets import revoke_secret
from dashboard.docs.pages import PAGES
from oauth.error_codes import ERROR_CODES
from oauth.reasons import REFUSALS
from tests import factories
from tests.dashboard.conftest import create_public_key, text_of

DOCS = "/w/demo/docs/"


@pytest.fixture
def client(demo):
    return factories.create_client(demo, name="refunds-worker", scopes=("write",), audiences=["https://api.example.com"]).secret.client


def test_first_page_leads_to_all_others_and_has_the_addresses(bens, demo, client):
    page = bens.get(DOCS)
    for other in PAGES:
        assert f'href="{DOCS}{other.slug}/"' in page.content.decode()
        assert other.title in text_of(page)
    assert "/gateway/demo/verify" in text_of(page)
    assert "Audience of refunds-worker https://api.example.com" in text_of(page)
    assert bens.get(f"{DOCS}nonsense/").status_code == 404
    # Tokens for another API than this one ask for this one if it is called.
    assert re.search(r'resource= ?"?https://localhost(:\d+)?/w/demo', text_of(bens.get(f"{DOCS}quick-start/")))
    factories.create_client(demo, name="without")
    assert "resource=" not in text_of(bens.get(f"{DOCS}quick-start/"))
    assert "Audience of this workspace https://localhost:8443/w/demo" in text_of(bens.get(DOCS))


@pytest.mark.parametrize("slug", [page.slug for page in PAGES])
def test_every_page_has_the_values_of_the_workspace(bens, demo, client, slug, django_assert_max_num_queries):
    with django_assert_max_num_queries(12):
        page = bens.get(f"{DOCS}{slug}/")
    assert page.status_code == 200
    text = text_of(page)
    assert "CLIENT_ID" not in text.replace("TOKENOS_CLIENT_ID", "")
    assert client.client_id in page.content.decode()
    assert len(re.findall("<h1", page.content.decode())) == 1


def test_without_any_client_the_examples_say_so(bens, demo):
    text = text_of(bens.get(f"{DOCS}quick-start/"))
    assert "There is no client yet, so the examples say CLIENT_ID. Get your first token" in text
    assert '-u "CLIENT_ID:$TOKENOS_CLIENT_SECRET"' in text


@pytest.mark.parametrize("by", ["client_id", "name"])
def test_reader_chooses_the_client_and_keeps_it(bens, demo, client, by):
    factories.create_client(demo, name="newer")
    page = bens.get(f"{DOCS}quick-start/", {"client": getattr(client, by)})
    assert f"{client.client_id}:$TOKENOS_CLIENT_SECRET" in text_of(page)
    assert f'href="{DOCS}errors/?client={client.client_id}"' in page.content.decode()


def chosen(browser):
    return browser.get(f"{DOCS}quick-start/").context["values"].client


def end(secret, now):
    revoke_secret(client=secret.client, secret_id=secret.secret_id, actor=factories.TESTS, now=now)


def test_examples_begin_with_the_newest_client_that_works_if_any_does(bens, demo, client, now):
    disable_client(client=factories.create_client(demo, name="disabled").secret.client, actor=factories.TESTS, now=now)
    end(factories.create_client(demo, name="without a credential").secret, now)
    assert chosen(bens) == client
    keyed = factories.create_client(demo, name="with a key")
    create_public_key(keyed.secret.client)
    end(keyed.secret, now)
    assert chosen(bens) == keyed.secret.client
    for one in (client, keyed.secret.client):
        disable_client(client=one, actor=factories.TESTS, now=now)
    assert chosen(bens) == keyed.secret.client


@pytest.mark.parametrize("wanted", ["nobody", "x" * 5000, "a\0b", "x" * 20, "foreign"])
def test_unknown_client_is_said_also_one_of_another_workspace(bens, demo, other, client, wanted):
    foreign = factories.create_client(other, name="foreign").secret.client
    for asked in (wanted, foreign.client_id):
        assert "No client has that ID or name." in text_of(bens.get(f"{DOCS}dpop/", {"client": asked}))


def test_a_way_that_the_client_may_not_use_is_said_and_the_gateway_requires_its_scope_and_audience(bens, demo, client):
    assert text_of(bens.get(f"{DOCS}authentication/")).count("refunds-worker may not use this method.") == 2
    text = text_of(bens.get(f"{DOCS}gateway/"))
    assert text.count("/gateway/demo/verify?scope=write&audience=https://api.example.com") == 3
    assert 'x-tokenos-require-audience, value: "https://api.example.com"' in text


def test_errors_page_has_every_code_and_every_reason(bens, demo, client):
    html = bens.get(f"{DOCS}errors/").content.decode()
    assert [code.error for code in ERROR_CODES if f"<code>{code.error}</code>" not in html] == []
    assert [code for code in REFUSALS if f'id="{code}"' not in html] == []
    assert "](" not in text_of(html)
    assert "`" not in text_of(html)


@pytest.mark.parametrize("path", [DOCS, f"{DOCS}dpop/"])
def test_a_secret_that_somebody_pastes_there_leaves_the_address_and_is_not_shown(bens, demo, path):
    new = factories.create_client(demo)
    page = bens.get(path, {"client": new.plaintext}, follow=True)
    assert page.redirect_chain == [(path, 302)]
    assert "That looks like a secret, and it was in a URL. Look it up under Leak response." in text_of(page)
    assert new.plaintext not in page.content.decode()
