"""Tokens that somebody found where they shouldn't be."""

from datetime import timedelta

import pytest

from clients.models import Client
from clients.services.clients import disable_client
from oauth import leaked_token
from oauth.leaked_token import find_leaked_tokens
from oauth.services import rotate_signing_key
from tests import factories
from tests.oauth.conftest import Program


def token_of(asgi, program: Program) -> str:
    return asgi.post("/oauth2/token", {"grant_type": "client_credentials"}, program.basic).json()["access_token"]


def test_a_living_token_says_whose_it_is_and_how_long_it_lives(asgi, billing, now):
    [found] = find_leaked_tokens([token_of(asgi, billing)], workspace="demo", now=now).tokens
    assert found.client_id == billing.client_id
    assert found.credential_id == billing.secret_id
    assert found.scopes == ("read", "write")
    assert (found.refused_because, found.has_ended) == ("", False)
    assert timedelta(minutes=59) < found.expires_at - now < timedelta(minutes=61)


def test_a_token_that_does_not_work_says_why_and_whether_it_could_work_again(asgi, billing, now):
    token = token_of(asgi, billing)
    [found] = find_leaked_tokens([token], workspace="demo", now=now + timedelta(hours=2)).tokens
    assert ("expired" in found.refused_because, found.has_ended) == (True, True)
    disable_client(client=Client.objects.get(client_id=billing.client_id), actor=factories.TESTS, now=now)
    [found] = find_leaked_tokens([token], workspace="demo", now=now).tokens
    assert ("disabled" in found.refused_because, found.has_ended) == (True, False)


def test_a_token_of_another_workspace_is_as_strange_as_any(asgi, billing, eves, now):
    assert find_leaked_tokens([token_of(asgi, eves)], workspace="demo", now=now).tokens == []


def test_a_token_by_an_earlier_signing_key_is_still_known(asgi, billing, now):
    token = token_of(asgi, billing)
    rotate_signing_key(algorithm="RS256", immediately=True, actor=factories.TESTS, now=now)
    assert len(find_leaked_tokens([token, token_of(asgi, billing)], workspace="demo", now=now).tokens) == 2


@pytest.mark.parametrize(
    "change", [lambda token: token[:-4] + "AAAA", lambda token: "eyJhbGciOiJub25lIn0." + token.partition(".")[2]], ids=["signature", "header"]
)
def test_a_forged_token_is_none_of_ours(asgi, billing, now, change):
    assert find_leaked_tokens([change(token_of(asgi, billing))], workspace="demo", now=now).tokens == []


def test_a_limited_number_of_signatures_is_checked_and_the_rest_counted(asgi, billing, now, monkeypatch):
    monkeypatch.setattr(leaked_token, "MAX_VERIFIED", 2)
    found = find_leaked_tokens([token_of(asgi, billing) for _ in range(5)], workspace="demo", now=now)
    assert (len(found.tokens), found.unread) == (2, 3)
