"""Sets of public keys, handed in or published by the client."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from django.core.exceptions import ValidationError

from clients.public_key import read_public_keys, read_published_keys
from tests.public_keys import jwk, private, thumbprint, to_jwk


def test_set_of_twenty_is_read_in_order():
    keys = [to_jwk(ec.generate_private_key(ec.SECP256R1()).public_key()) | {"kid": str(number)} for number in range(20)]
    assert [key.kid for key in read_public_keys(json.dumps({"keys": keys}))] == [str(number) for number in range(20)]


@pytest.mark.rfc("7517", "5")
def test_published_set_may_hold_what_we_dont_use():
    members = json.dumps(jwk("P-521", kid="twice"))[:-1] + ', "kid": "twice"}'
    others = [{"kty": "AKP"}, "x", jwk("RSA-1024"), to_jwk(private("P-384")), jwk(use="enc"), {"kty": "oct", "k": "AA"}]
    text = json.dumps({"keys": [jwk(kid="good"), *others, jwk("Ed25519")], "more": 1})[:-1].replace('"keys": [', f'"keys": [{members}, ') + "}"
    assert [key.kid for key in read_published_keys(text.encode())] == ["good", thumbprint(jwk("Ed25519"))]


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"keys": 1}', b"\xff", b"<html>", b"[" * 50_000, b'{"keys": [], "keys": []}'])
def test_published_document_that_is_no_set_is_refused(content):
    with pytest.raises(ValidationError):
        read_published_keys(content)


def test_published_set_may_be_empty():
    assert read_published_keys(b'{"keys": []}') == []


def test_the_number_of_entries_read_from_a_published_set_is_limited():
    """Each invalid entry costs a refusal, and 64 KiB can hold 21,000 empty ones."""
    for others, kids in ((199, ["good"]), (200, [])):
        text = json.dumps({"keys": [*[{}] * others, jwk(kid="good")]})
        assert [key.kid for key in read_published_keys(text.encode())] == kids
