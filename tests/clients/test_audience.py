"""Audiences and their spellings: which are one, and which are the instance's own. RFC 8707 §2, RFC 3986 §6."""

import pytest

from clients.audience import audience_key, is_of_another_workspace, workspace_audience

ISSUER = "https://tokens.example.com"
DEMO = f"{ISSUER}/w/demo"

# What somebody might register to have tokens that a lenient API of the workspace demo takes.
SPELLINGS = [
    DEMO,
    "https://tokens.example.com/w/demo/",
    "https://tokens.example.com/w//demo",
    "https://tokens.example.com//w/demo",
    "HTTPS://tokens.example.com/w/demo",
    "https://Tokens.Example.COM/w/demo",
    "https://tokens.example.com./w/demo",
    "https://tokens.example.com:443/w/demo",
    "https://tokens.example.com:0443/w/demo",
    "https://tokens.example.com:/w/demo",
    "http://tokens.example.com/w/demo",
    "http://tokens.example.com:80/w/demo",
    "wss://tokens.example.com/w/demo",
    "https://tokens.example.com/x/../w/demo",
    "https://tokens.example.com/w/./demo",
    "https://tokens.example.com/w/demo/.",
    "https://tokens.example.com/w/demo/x/..",
    "https://tokens.example.com/../w/demo",
    "https://tokens.example.com/w/%64emo",
    "https://tokens.example.com/%77/demo",
    "https://tokens.example.com/w%2Fdemo",
    "https://tokens.example.com/w%2fdemo",
    "https://tokens.example.com/w%5Cdemo",
    "https://tokens.example.com/w/%2564emo",
    "https://tokens.example.com/x/%2e%2E/w/demo",
    "https://tokens.example.com/x/.%2e/w/demo",
    "https://tokens.example.com/W/Demo",
    "https://user@tokens.example.com/w/demo",
    "https://@tokens.example.com/w/demo",
    "https://user:password@tokens.example.com/w/demo",
    "https://%74okens.example.com/w/demo",
    "https:tokens.example.com/w/demo",
    "https:/tokens.example.com/w/demo",
    "https:///tokens.example.com/w/demo",
    "https:\\\\tokens.example.com\\w\\demo",
    "https://tokens.example.com/w/demo#fragment",
    "https://tokens.example.com/w/demo?",
]


@pytest.mark.rfc("3986", "6.2.2")
@pytest.mark.parametrize("uri", SPELLINGS)
def test_spellings_of_one_audience_are_one(uri):
    assert audience_key(uri) == audience_key(DEMO)


@pytest.mark.parametrize(
    "uri", [*SPELLINGS, ISSUER, f"{ISSUER}/", f"{ISSUER}/w/demo/x", f"{ISSUER}/w", f"{ISSUER}/oauth2/token", f"{ISSUER}?x=1", f"{DEMO}?x=1"]
)
def test_nothing_of_the_instance_is_for_another_workspace(uri):
    assert is_of_another_workspace(uri, workspace="other", issuer=ISSUER)


def test_a_workspace_has_its_own_audience_in_one_spelling(settings):
    settings.ISSUER_URL = ISSUER
    assert workspace_audience("demo") == DEMO
    assert not is_of_another_workspace(DEMO, workspace="demo", issuer=ISSUER)
    assert all(is_of_another_workspace(uri, workspace="demo", issuer=ISSUER) for uri in SPELLINGS[1:])


@pytest.mark.parametrize(
    "uri",
    [
        "https://api.example.com",
        "https://tokens.example.com.evil.example/w/demo",
        "https://tokens.example.com:8443/w/demo",
        "https://tokens.example.comx/w/demo",
        "api://tokens.example.com/w/demo",
        "urn:tokens.example.com/w/demo",
        "https://api.example.com/?issuer=https://tokens.example.com/w/demo",
        "https://[::1",
        "https://tokens.example.com:port/w/demo",
    ],
)
def test_what_is_elsewhere_is_not_the_instances(uri):
    assert not is_of_another_workspace(uri, workspace="other", issuer=ISSUER)
    assert audience_key(uri) != audience_key(DEMO)


def test_an_issuer_with_a_path_has_what_is_below_that(settings):
    issuer = "https://example.com/tokens"
    for uri in ("https://example.com/tokens/w/demo", "https://example.com/x/%2e./Tokens/", "https://example.com:443/tokens"):
        assert is_of_another_workspace(uri, workspace="other", issuer=issuer)
    for uri in ("https://example.com", "https://example.com/tokens2/w/demo", "https://example.com/api", "https://example.com/tokens/../api"):
        assert not is_of_another_workspace(uri, workspace="other", issuer=issuer)


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.0.0.1."])
def test_an_address_has_several_spellings_too(host):
    assert audience_key(f"https://{host}:8443/w/demo") == audience_key("https://127.0.0.1:8443/w/demo")
    assert audience_key("https://[0:0::1]/x") == audience_key("https://[::1]/x")


def test_what_differs_stays_apart():
    uris = [
        "urn:example:a",
        "urn:example:b",
        "api://a",
        "api://b",
        "https://a.example/x?y=1",
        "https://a.example/x?y=2",
        "https://a.example/x/y",
        "https://1.2.3/x",
    ]
    assert len(set(map(audience_key, uris))) == len(uris)
    assert audience_key("https://999.1.1.1/") == "https://999.1.1.1/"


def test_a_key_is_plain_ascii_whatever_was_encoded():
    assert audience_key("https://a.example/%00%ff%C3%84") == "https://a.example/%00%FF%C3%84"
    assert audience_key("https://a%00.example/") == "https://a%00.example/"
