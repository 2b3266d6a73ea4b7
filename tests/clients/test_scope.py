"""Scope strings. RFC 6749 §3.3."""

import string

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from clients.scope import MAX_SCOPE_LENGTH, parse_scope, validate_scope_name

NAMED = string.ascii_letters + string.digits + "._:/@+,=%-"
ALLOWED = "".join(chr(code) for code in [0x21, *range(0x23, 0x5C), *range(0x5D, 0x7F)])
scope_tokens = st.text(ALLOWED, min_size=1, max_size=20)


@pytest.mark.rfc("6749", "3.3")
@given(st.lists(scope_tokens, min_size=1, max_size=10))
def test_scopes_keep_the_order_asked_for_and_count_once(scopes):
    assert parse_scope(" ".join(scopes)) == tuple(dict.fromkeys(scopes))


@pytest.mark.rfc("6749", "3.3")
@given(st.characters(exclude_characters=ALLOWED))
def test_any_other_character_is_malformed(character):
    assert parse_scope(f"read{character}{character}write") is None
    with pytest.raises(ValidationError):
        validate_scope_name(f"a{character}b")


@pytest.mark.rfc("6749", "3.3")
@pytest.mark.parametrize("text", ["", " ", " read", "read ", "read  write", "read\twrite", "read\nwrite", "read\n", 'a"b', "a\\b", "é", "a\0b", "\udcff"])
def test_malformed_scope_is_none(text):
    assert parse_scope(text) is None


@pytest.mark.parametrize("name", ["orders:read", "https://example.com/scope", "read_all.v2", "a@b,c=d+e%", "-", "a" * MAX_SCOPE_LENGTH])
def test_what_is_nothing_but_text_anywhere_is_a_name(name):
    validate_scope_name(name)


@given(st.characters(exclude_characters=NAMED))
def test_what_is_more_than_text_to_a_shell_is_in_no_new_name(character):
    with pytest.raises(ValidationError):
        validate_scope_name(f"a{character}b")


@pytest.mark.parametrize("name", ["", "a b", "a\n", "a" * (MAX_SCOPE_LENGTH + 1)])
def test_anything_else_is_no_name(name):
    with pytest.raises(ValidationError, match="letters, digits and"):
        validate_scope_name(name)
