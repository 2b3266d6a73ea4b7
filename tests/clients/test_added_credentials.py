"""Adding a credential and the method that it is for in one step."""

import json

import pytest
from django.core.exceptions import ValidationError

from clients.certificate import read_certificates
from clients.models import AuditEvent
from clients.public_key import read_public_keys
from clients.services.certificates import add_certificates
from clients.services.public_keys import add_public_keys
from clients.services.workspaces import change_workspace
from tests.certificates import pem, self_signed
from tests.factories import TESTS
from tests.public_keys import jwk


def add_key(client, now, *, allow_method=True):
    return add_public_keys(client=client, parsed=read_public_keys(json.dumps(jwk())), allow_method=allow_method, actor=TESTS, now=now)


def add_certificate(client, now, *, allow_method=True):
    return add_certificates(client=client, parsed=read_certificates(pem(self_signed().certificate)), allow_method=allow_method, actor=TESTS, now=now)


def test_the_client_may_use_what_it_gets_if_that_is_wanted(client_, now):
    add_certificate(client_, now, allow_method=False)
    client_.refresh_from_db()
    assert client_.auth_methods == ["client_secret_basic", "client_secret_post"]
    for add, methods in ((add_key, ["private_key_jwt"]), (add_certificate, ["private_key_jwt", "self_signed_tls_client_auth"])):
        [row] = add(client_, now)
        client_.refresh_from_db()
        assert client_.auth_methods == ["client_secret_basic", "client_secret_post", *methods]
        assert row.client == client_


def test_a_method_that_somebody_else_has_allowed_meanwhile_is_not_allowed_twice(client_, now):
    add_key(client_, now)
    stale = type(client_).objects.get(pk=client_.pk)
    stale.auth_methods = ["client_secret_basic"]
    parsed = read_public_keys(json.dumps(jwk("P-384")))
    add_public_keys(client=stale, parsed=parsed, allow_method=True, actor=TESTS, now=now)
    assert AuditEvent.objects.filter(event="client.changed").count() == 1


def test_if_the_method_is_forbidden_nothing_is_added(client_, now):
    change_workspace(workspace=client_.workspace, allowed_auth_methods=["client_secret_basic", "client_secret_post"], actor=TESTS, now=now)
    with pytest.raises(ValidationError, match="doesn’t allow private_key_jwt"):
        add_key(client_, now)
    assert not client_.public_keys.exists()


def test_if_the_key_is_refused_the_method_is_not_allowed(client_, now):
    add_key(client_, now, allow_method=False)
    with pytest.raises(ValidationError, match="already has this public key"):
        add_key(client_, now)
    client_.refresh_from_db()
    assert "private_key_jwt" not in client_.auth_methods
