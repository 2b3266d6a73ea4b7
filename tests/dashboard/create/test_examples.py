"""/w/<workspace>/clients/<client_id>/examples/: requests with a client's own values, for each of its authentication methods."""

import pytest
from django.utils import timezone

from clients.models import Client
from clients.services.workspaces import change_workspace
from tests import factories
from tests.dashboard.conftest import create_public_key, text_of

Method = Client.AuthMethod


def examples(browser, client):
    page = browser.get(f"/w/demo/clients/{client.client_id}/examples/")
    assert page.status_code == 200
    return page


def checked(page):
    [radio] = [tag for tag in page.content.decode().split("<input")[1:] if "checked" in tag.split(">")[0] and 'data-remember="__Host-language"' in tag]
    return radio.split(">")[0]


def test_the_secret_is_not_among_them_and_the_language_that_was_chosen_last_comes_first(bens, demo):
    new = factories.create_client(demo, name="Refunds worker", scopes=("read", "write"))
    page = examples(bens, new.secret.client)
    text = text_of(page)
    assert new.plaintext not in text
    assert f'-u "{new.secret.client.client_id}:$TOKENOS_CLIENT_SECRET"' in text
    assert '--data-urlencode scope= "read write"' in text
    assert "set -a; . ./refunds-worker.env; set +a" in page.content.decode()
    assert "If not, type this and paste the secret: export TOKENOS_CLIENT_ID=" in text
    assert 'value="curl"' in checked(page)
    for chosen, shown in (("go", "go"), ("cobol", "curl")):
        bens.cookies["__Host-language"] = chosen
        assert f'value="{shown}"' in checked(examples(bens, new.secret.client))


def test_each_way_once_basic_rather_than_the_body(bens, demo):
    methods = [Method.CLIENT_SECRET_POST, Method.CLIENT_SECRET_BASIC, Method.PRIVATE_KEY_JWT, Method.SELF_SIGNED_TLS_CLIENT_AUTH]
    client = factories.create_client(demo, auth_methods=methods).secret.client
    key = create_public_key(client, kid="k-3f9c")
    text = text_of(examples(bens, client))
    headings = ["With the secret", "With a signed assertion", "With a client certificate"]
    assert [text.count(heading) for heading in headings] == [1, 1, 1]
    assert "in the body" not in text
    assert f"private.pem is the private key of the client’s newest key pair, {key.kid}" in text
    assert "--cert client.pem" in text


def test_the_body_where_nothing_else_is_allowed(bens, demo):
    client = factories.create_client(demo, auth_methods=[Method.CLIENT_SECRET_POST]).secret.client
    text = text_of(examples(bens, client))
    assert "With the secret, in the body" in text
    assert 'client_secret= "$TOKENOS_CLIENT_SECRET"' in text


def test_a_way_that_would_be_refused_says_so(bens, demo):
    client = factories.create_client(demo, auth_methods=[Method.PRIVATE_KEY_JWT]).secret.client
    assert "The client has no public key that works, so this is refused." in text_of(examples(bens, client))
    change_workspace(workspace=demo, allowed_auth_methods=["client_secret_basic"], actor=factories.TESTS, now=timezone.now())
    assert "This workspace no longer allows this method, so requests are refused." in text_of(examples(bens, client))


def test_a_client_that_must_bind_its_tokens_is_shown_how(bens, demo):
    client = factories.create_client(demo, require_dpop=True).secret.client
    text = text_of(examples(bens, client))
    assert "curl can’t create proofs. Use another example." in text
    assert "dpop+jwt" in text


@pytest.mark.parametrize("scope", ["a$b", "a`b", "a'b", "a<b", "a!b"])
def test_odd_scopes_stay_text_in_every_language(bens, demo, scope):
    demo.scopes.create(name=scope)
    client = factories.create_client(demo, scopes=[scope]).secret.client
    page = examples(bens, client)
    assert f"&quot;{scope.replace('<', '&lt;').replace(chr(39), '&#x27;')}&quot;" in page.content.decode()
    assert "--data-urlencode scope=" in text_of(page)


def test_another_workspace_has_no_such_client(eves, demo):
    client = factories.create_client(demo).secret.client
    assert eves.get(f"/w/other/clients/{client.client_id}/examples/").status_code == 404
