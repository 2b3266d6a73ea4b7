"""What may be kept of a text that a stranger sent."""

import pytest

from clients.foreign_text import shown, shown_path


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("", ""),
        ("read", "read"),
        ("x" * 12, "x" * 12),
        ("x" * 13, "x" * 12 + "…"),
        ("https://api.example.com/v1", "https://api.example.…"),
        ("http://a", "http://a"),
        ("https://https://https://https://", "https://https://http…"),
        ("a\nb\0c\x7fü\u202e🕛", "a?b?c????"),
        (1764547200, "1764547200"),
        (1764547200.123456, "1764547200.1…"),
        (["a", "b"], "['a', 'b']"),
        (None, "None"),
    ],
)
def test_the_beginning_of_a_long_text_is_kept(sent, kept):
    assert shown(sent) == kept


def test_what_is_known_may_stand_before_it():
    issuer = "https://localhost:8443"
    assert shown(f"{issuer}/oauth2/introspect", after=issuer) == f"{issuer}/oauth2/intr…"
    assert shown(f"{issuer}/", after=issuer) == f"{issuer}/"
    assert shown("https://other.example.com", after=issuer) == "https://other.exampl…"


def test_the_beginning_of_each_path_segment_is_kept():
    assert shown_path("/w/demo/clients/0123456789abcdefghijkl/settings/") == "/w/demo/clients/0123456789ab…/settings/"
    assert shown_path("/") == "/"
    assert shown_path("") == ""
    assert len(shown_path("/a" * 10_000)) < 50
