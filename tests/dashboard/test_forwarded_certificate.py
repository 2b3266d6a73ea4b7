"""A client's certificate as a trusted proxy passes it on: each format, its damaged variants, and who is trusted."""

import base64
from ipaddress import ip_network
from urllib.parse import quote, quote_plus

import pytest

from dashboard.instance.environment import CLIENT_CERT_HEADERS
from dashboard.server.connection import settle
from tests.certificates import pem, self_signed, with_unknown_version

PROXY = "10.0.0.1"
HOLDER = self_signed("billing")
DER, PEM = HOLDER.der, pem(HOLDER.certificate)
OTHER = self_signed("other")
BASE64 = base64.b64encode(DER).decode()
ESCAPED = quote(PEM, safe="")
GOOD = {
    "Client-Cert": f":{BASE64}:",
    "X-SSL-Client-Cert": ESCAPED,
    "SSL-Client-Cert": ESCAPED,
    "X-Forwarded-Client-Cert": f'Hash=ab12;Cert="{ESCAPED}"',
    "X-Forwarded-Tls-Client-Cert": BASE64,
}


FULL_XFCC = ";".join(
    [
        "By=spiffe://a/b;Hash=ab12",
        f'Cert="{ESCAPED}";Chain="{ESCAPED}{quote(pem(OTHER.certificate), safe="")}"',
        'Subject="CN=a\\"b;Cert=evil,O=c";URI=;DNS=a.example;DNS=b.example',
    ]
)


def identify(value):
    """Certificates differ from run to run, but test names must not."""
    return value if value in GOOD else "value"


@pytest.fixture
def trusted(settings):
    settings.TRUSTED_PROXIES = [ip_network("10.0.0.0/8")]


@pytest.fixture
def read(settings, trusted):
    """Settle a connection from the trusted proxy with those values of the header."""

    def read(header, *values):
        settings.CLIENT_CERT_HEADER = header
        headers = [(header.lower().encode(), value if isinstance(value, bytes) else value.encode()) for value in values]
        connection, kept = settle(PROXY, "https", headers, b"the proxy's own")
        assert kept == []
        return connection.client_certificate, connection.has_malformed_certificate

    return read


def test_there_is_a_case_for_every_header():
    assert set(GOOD) == set(CLIENT_CERT_HEADERS)


@pytest.mark.parametrize(
    ("header", "value"),
    [
        *GOOD.items(),
        ("Client-Cert", f"  :{BASE64}:\t"),
        # As nginx writes it, as Python's quote does, and with CR.
        ("X-SSL-Client-Cert", quote(PEM)),
        ("X-SSL-Client-Cert", quote(PEM.replace("\n", "\r\n"), safe="")),
        ("X-SSL-Client-Cert", quote(PEM.strip(), safe="")),
        ("X-Forwarded-Client-Cert", f"Cert={ESCAPED}"),
        ("X-Forwarded-Client-Cert", f'cert="{ESCAPED}"'),
        (
            "X-Forwarded-Client-Cert",
            FULL_XFCC,
        ),
        ("X-Forwarded-Tls-Client-Cert", quote_plus(BASE64)),
        ("X-Forwarded-Tls-Client-Cert", f"{BASE64},{base64.b64encode(OTHER.der).decode()}"),
        ("X-Forwarded-Tls-Client-Cert", quote_plus(f"{BASE64},{base64.b64encode(OTHER.der).decode()}")),
    ],
    ids=identify,
)
def test_certificate_is_read_in_the_form_of_its_proxy(read, header, value):
    assert read(header, value) == (DER, False)


def spoil(text, encoded):
    """Variants of the encoded certificate that no proxy sends."""
    return [text.replace(encoded, variant) for variant in (encoded[:-8], encoded[:40], encoded + "AAAA", encoded[:99] + "*" + encoded[100:])]


TRUNCATED, TRAILING = base64.b64encode(DER[:-3]).decode(), base64.b64encode(DER + b"\0\0\0").decode()


@pytest.mark.rfc("9440", "2")
@pytest.mark.parametrize(
    ("header", "value"),
    [
        *(("Client-Cert", value) for value in spoil(f":{BASE64}:", BASE64)),
        *(
            ("Client-Cert", value)
            for value in ("::", ":", ":RERS:", BASE64, f":{BASE64}", f"{BASE64}:", f'"{BASE64}"', f":{BASE64}:;a=b", f":{BASE64}:, :{BASE64}:")
        ),
        *(("Client-Cert", f":{value}:") for value in (TRUNCATED, TRAILING, f" {BASE64}", f"{BASE64}\n", BASE64 * 20)),
        ("Client-Cert", b":\xff:"),
        ("Client-Cert", ESCAPED),
        ("Client-Cert", PEM.replace("\n", " ")),
        *(("X-SSL-Client-Cert", quote(value, safe="")) for value in (PEM + PEM, PEM + "x", "x" + PEM, PEM[:-30], PEM[30:], PEM.replace("M", "*", 1))),
        ("X-SSL-Client-Cert", quote(PEM.replace("CERTIFICATE", "PUBLIC KEY"), safe="")),
        ("X-SSL-Client-Cert", quote(f"-----BEGIN CERTIFICATE-----\n{TRAILING}\n-----END CERTIFICATE-----", safe="")),
        ("X-SSL-Client-Cert", BASE64),
        ("X-SSL-Client-Cert", quote_plus(PEM).replace("%2B", "+").replace("BEGIN+", "BEGIN+")),
        ("X-SSL-Client-Cert", "%00" + ESCAPED),
        ("X-SSL-Client-Cert", "(null)"),
        ("X-Forwarded-Client-Cert", ESCAPED),
        ("X-Forwarded-Client-Cert", "Hash=ab12"),
        ("X-Forwarded-Client-Cert", f'Cert="{ESCAPED}";Cert="{ESCAPED}"'),
        ("X-Forwarded-Client-Cert", f'Cert="{ESCAPED}",Cert="{ESCAPED}"'),
        ("X-Forwarded-Client-Cert", f'Hash=ab12,Cert="{ESCAPED}"'),
        ("X-Forwarded-Client-Cert", f'Cert="{ESCAPED}";'),
        ("X-Forwarded-Client-Cert", f'Cert="{ESCAPED}'),
        ("X-Forwarded-Client-Cert", f'Cert="{ESCAPED}"x'),
        ("X-Forwarded-Client-Cert", f'Subject="a";Cert=""{ESCAPED}""'),
        ("X-Forwarded-Client-Cert", f'Chain="{ESCAPED}"'),
        *(("X-Forwarded-Client-Cert", value) for value in spoil(GOOD["X-Forwarded-Client-Cert"], ESCAPED)),
        *(("X-Forwarded-Tls-Client-Cert", value) for value in (TRUNCATED, TRAILING, f",{BASE64}", ESCAPED, f":{BASE64}:", BASE64 + "AAAA")),
    ],
    ids=identify,
)
def test_anything_else_is_no_certificate_and_said_so(read, header, value):
    assert read(header, value) == (None, True)


def test_certificate_of_an_unknown_version_is_none(read):
    value = base64.b64encode(with_unknown_version(DER)).decode()
    assert read("Client-Cert", f":{value}:") == (None, True)


@pytest.mark.parametrize("header", CLIENT_CERT_HEADERS)
def test_repeated_header_is_no_certificate(read, header):
    for values in ((GOOD[header], GOOD[header]), ("", GOOD[header]), (GOOD[header], " "), ("", "")):
        assert read(header, *values) == (None, True), values


@pytest.mark.parametrize("header", CLIENT_CERT_HEADERS)
def test_no_header_and_an_empty_one_say_that_the_caller_has_none(read, header):
    assert read(header) == (None, False)
    assert read(header, "") == (None, False)
    assert read(header, " ") == (None, False)


@pytest.mark.parametrize("header", CLIENT_CERT_HEADERS)
def test_longer_than_any_certificate_is_refused(read, header):
    assert read(header, GOOD[header] + " " * 20000) == (None, True)


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("header", CLIENT_CERT_HEADERS)
@pytest.mark.parametrize("believed", CLIENT_CERT_HEADERS)
def test_only_the_header_of_the_setting_is_believed(settings, header, believed):
    settings.CLIENT_CERT_HEADER = believed
    connection, kept = settle(PROXY, "https", [(header.lower().encode(), GOOD[header].encode())], None)
    assert connection.client_certificate == (DER if header == believed else None)
    assert not connection.has_malformed_certificate
    assert kept == []


@pytest.mark.parametrize("believed", CLIENT_CERT_HEADERS)
def test_other_headers_beside_it_change_nothing(settings, trusted, believed):
    settings.CLIENT_CERT_HEADER = believed
    others = [(header.lower().encode(), b"malformed") for header in CLIENT_CERT_HEADERS if header != believed]
    connection, kept = settle(PROXY, "https", [*others, (believed.lower().encode(), GOOD[believed].encode()), *others], None)
    assert (connection.client_certificate, connection.has_malformed_certificate, kept) == (DER, False, [])


@pytest.mark.parametrize("header", CLIENT_CERT_HEADERS)
@pytest.mark.parametrize("peer", ["192.0.2.1", "", "unknown"])
def test_untrusted_peer_is_believed_in_no_form(settings, trusted, header, peer):
    settings.CLIENT_CERT_HEADER = header
    for value in (GOOD[header], "malformed"):
        connection, kept = settle(peer, "https", [(header.lower().encode(), value.encode()), (b"accept", b"*/*")], b"its own")
        assert connection.client_certificate == b"its own"
        assert not connection.has_malformed_certificate
        assert kept == [(b"accept", b"*/*")]


@pytest.mark.usefixtures("trusted")
def test_name_with_an_underscore_is_another_header(settings):
    settings.CLIENT_CERT_HEADER = "X-SSL-Client-Cert"
    for name in (b"x_ssl_client_cert", b"x-ssl_client-cert"):
        connection, kept = settle(PROXY, "https", [(name, ESCAPED.encode())], None)
        assert (connection.client_certificate, kept) == (None, [])
