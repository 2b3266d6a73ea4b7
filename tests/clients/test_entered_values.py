"""Checks of text, address ranges and resource URIs that several services share."""

import string

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from clients.secret import generate
from clients.services.entered_values import clean_networks, clean_resource_uri, clean_text, require_plain_uris


@given(st.text(max_size=120))
def test_cleaned_text_is_visible_on_one_line_and_stays_as_it_is(text):
    try:
        cleaned = clean_text(text, field="name", max_length=100)
    except ValidationError:
        return
    assert cleaned == cleaned.strip()
    assert 1 <= len(cleaned) <= 100
    assert len(cleaned.splitlines()) == 1
    assert clean_text(cleaned, field="name", max_length=100) == cleaned


@pytest.mark.parametrize("text", ["👩‍💻", "می‌خواهم", "e\u0301", "🇪🇺", "❤️", "1️⃣", "©️"])
def test_joiners_within_words_and_emoji_are_kept(text):
    assert clean_text(f" {text} ", field="name", max_length=100) == text


@pytest.mark.parametrize(
    "text", ["a\u200bb", "a\u202eb", "a\u2028b", "a\x7fb", "a\x00b", "a\x1bb", "a\ud800b", "a\ufeffb", *"\u3164\uffa0\u115f\u1160\u2800\u034f\u17b4\u17b5"]
)
def test_invisible_characters_are_refused(text):
    with pytest.raises(ValidationError) as error:
        clean_text(text, field="name", max_length=100)
    assert error.value.code == "invalid_text"


@pytest.mark.parametrize(
    "text",
    ["billing\ufe0f", "bil\u200dling", "billing\u200c", "billing\ufe00", "billing\U000e0100", "billing \u200d", "billing\u180b", "é\ufe0f", "\u200dbilling"],
)
def test_joiners_and_variation_selectors_that_change_nothing_are_refused(text):
    with pytest.raises(ValidationError) as error:
        clean_text(text, field="name", max_length=100)
    assert error.value.code == "invalid_text"


@pytest.mark.parametrize(
    "text",
    [f"key {generate('live').plaintext}", "-----BEGIN EC PRIVATE KEY-----MHcCAQEEIB", "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.c2ln"],
    ids=["secret", "key", "token"],
)
def test_what_everybody_can_read_holds_no_credential(text):
    with pytest.raises(ValidationError) as error:
        clean_text(text, field="name", max_length=100)
    assert error.value.code == "credential"


@pytest.mark.parametrize("text", ["", "  ", "\u200d", " \u200c \u200d ", "\ufe0f"])
def test_text_with_nothing_to_see_is_empty(text):
    with pytest.raises(ValidationError) as error:
        clean_text(text, field="name", max_length=100)
    assert error.value.code == "required"


def test_empty_text_is_fine_where_none_is_required():
    assert clean_text(" ", field="description", max_length=10, required=False) == ""


@given(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)))
def test_single_address_is_a_range_of_one(address):
    assert clean_networks([str(address)]) == [f"{address}/{address.max_prefixlen}"]


def test_ranges_are_canonical_and_count_once():
    assert clean_networks(["203.0.113.0/255.255.255.0", "203.0.113.0/24", "2001:DB8:0::/32"]) == ["203.0.113.0/24", "2001:db8::/32"]


@pytest.mark.rfc("8707", "2")
@pytest.mark.parametrize("uri", ["https://api.example.com", "https://api.example.com:8443/v1?tenant=a", "urn:example:billing", "https://localhost:8443/w/demo"])
def test_absolute_uri_is_an_audience(uri):
    assert clean_resource_uri(uri) == uri


@pytest.mark.rfc("8707", "2")
@pytest.mark.parametrize("uri", ["", "api", "/v1", "//api.example.com", "https://", "https:", "https://[a", "https://a:x", "https://a/" + "x" * 512])
def test_anything_that_isnt_absolute_is_none(uri):
    _assert_no_audience(uri)


@pytest.mark.rfc("8707", "2")
@pytest.mark.parametrize("uri", ["https://a#", "https://a/#x", "https://u:p@a", "https://a b", "https://ä", 'https://a"', "https://a\\b", "https://a\n"])
def test_fragment_credentials_and_characters_that_no_uri_has_are_refused(uri):
    _assert_no_audience(uri)


@given(st.characters(max_codepoint=0x7E, exclude_characters=string.ascii_letters + string.digits + "._~:/?@%+,=[]-"))
def test_what_is_more_than_text_to_a_shell_is_in_no_new_audience(character):
    with pytest.raises(ValidationError) as error:
        require_plain_uris(["https://a.example.com", f"https://b.example.com/{character}"])
    assert error.value.code == "invalid_audience"


def test_new_audience_may_have_all_that_a_uri_usually_has():
    require_plain_uris(["https://[::1]:8443/v1/a~b_c?tenant=a,b", "urn:example:billing", "api://0a1b/.default", "mailto:a+b@example.com", "a:%20"])


def _assert_no_audience(uri):
    with pytest.raises(ValidationError) as error:
        clean_resource_uri(uri)
    assert error.value.code == "invalid_audience"
