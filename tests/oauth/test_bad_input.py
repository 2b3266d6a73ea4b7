"""Any input gets a clear refusal, never a server error. The fixture nothing_failed watches each test's log."""

from urllib.parse import quote_from_bytes

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.oauth.doors import ADDRESS, DOORS, FORM, Answer, basic, bearer

FORM_PATHS = ["/oauth2/token", "/oauth2/introspect", "/oauth2/revoke"]
PARAMETERS = {
    "/oauth2/token": ["grant_type", "scope", "resource", "client_id", "client_secret", "client_assertion", "client_assertion_type"],
    "/oauth2/introspect": ["token", "token_type_hint", "client_id", "client_secret"],
    "/oauth2/revoke": ["token", "token_type_hint", "client_id", "client_secret"],
}
VALUES = {
    "empty": b"",
    "space": b"+",
    "long": b"x" * 60_000,
    "NUL": b"%00",
    "NUL inside": b"read%00",
    "latin-1": b"%e9",
    "raw UTF-8": "ü".encode(),
    "UTF-8": b"%C3%BC",
    "overlong UTF-8": b"%c0%af",
    "lone surrogate": b"%ed%a0%80",
    "cut UTF-8": b"%f0%9f%98",
    "emoji": b"%f0%9f%98%80",
    "percent alone": b"%",
    "percent cut": b"%2",
    "percent not hex": b"%zz",
    "percent u": b"%u0041",
    "twice encoded": b"%2525",
    "line break": b"%0d%0aX-Evil:%20yes",
    "quote": b"%22%5c",
    "Arabic digits": b"%D9%A1%D9%A2",
    "equals": b"a=b=c",
    "SQL": b"%27%20OR%201%3D1%20--",
    "array": b"%5B%5D",
    "JSON": b"%7B%22a%22%3A1%7D",
    "separator": b"a;b",
}


def assert_clean(answer: Answer) -> None:
    assert answer.status < 500
    for value in answer.headers.values():
        assert value.isprintable()
    if "x-tokenos-client-id" not in answer.headers:
        assert answer.headers["cache-control"] == "no-store"
        answer.json()


@pytest.mark.long
@pytest.mark.parametrize(("path", "parameter"), [(path, parameter) for path, parameters in PARAMETERS.items() for parameter in parameters])
def test_every_parameter_of_every_endpoint(asgi, billing, path, parameter):
    authorization = None if parameter.startswith("client_") else billing.basic
    start = b"" if parameter in ("grant_type", "token") else b"grant_type=client_credentials&token=x&"
    for name, value in VALUES.items():
        # Without an address, so that nothing is throttled.
        answer = asgi.post(path, start + parameter.encode() + b"=" + value, authorization, address="")
        assert_clean(answer)
        assert "x-evil" not in answer.headers
        assert answer.status != 200 or path != "/oauth2/token" or name in ("empty", "separator"), name


@pytest.mark.parametrize("path", FORM_PATHS)
@pytest.mark.parametrize(
    "body",
    [
        b"&", b"=", b"a", b"a=b&", b"&a=b", b"a=b&&c=d", b"=a", b"a=b;c=d", b"\0=\0", b"%00=a", b"%ff=a", b"\xff", b"\r\n", b"{}", b"[]", b"null", b"<xml/>",
        b"a=" * 200, b"&".join(b"a%d=b" % number for number in range(101)), b"&".join(b"a%d=b" % number for number in range(100_00))[:65_000],
        b"--x\r\nContent-Disposition: form-data; name=\"grant_type\"\r\n\r\nclient_credentials\r\n--x--\r\n", "grant_type=client_credentials".encode("utf-16"),
        b"grant_type[]=client_credentials", b"Grant_Type=client_credentials", b"grant%5Ftype=password",
    ],
)  # fmt: skip
def test_every_kind_of_body(send, billing, path, body):
    answer = send.post(path, body, billing.basic)
    assert_clean(answer)
    assert answer.status == 400


HEADER_VALUES = [
    "", " ", ",", "\xe9\xff", "x" * 8000, "\t", "a\tb", '"', "\\", "\xa0", "\x85", "a,b,,c", "Basic", "Bearer", "Basic \xb2\xb3", "\x7f",
    "Bearer \xb9.\xb2.\xb3", "0" * 4000,
]  # fmt: skip


@pytest.mark.parametrize("header", ["Authorization", "Content-Type", "X-API-Key", "X-TokenOS-Require-Scope", "X-TokenOS-Require-Audience", "X-Request-Id"])
@pytest.mark.parametrize("path", ["/oauth2/token", "/api/v1/whoami", "/gateway/demo/verify"])
def test_every_header(asgi, billing, path, header):
    method, body = ("POST", b"grant_type=client_credentials") if path == "/oauth2/token" else ("GET", b"")
    for value in HEADER_VALUES:
        headers = {"Authorization": billing.basic, "Content-Type": FORM, header: value}
        assert_clean(asgi(method, path, body=body, headers=headers, address=""))


@pytest.mark.parametrize("path", ["/oauth2/token", "/api/v1/whoami", "/gateway/demo/verify"])
@pytest.mark.parametrize(
    "query",
    [
        "%",
        "%00",
        "%ff=%ff",
        "\xff=\xe9",
        "&" * 5000,
        "=",
        "client_id",
        "a" * 8000,
        "scope=" + "a+" * 4000,
        "client_id=%00",
        "client_id=%ff" * 3,
        "client_id=" + "x" * 64,
    ],
)
def test_every_query(send, billing, path, query):
    method, body = ("POST", b"grant_type=client_credentials") if path == "/oauth2/token" else ("GET", b"")
    assert_clean(send(method, path, body=body, query=query, headers={"Authorization": billing.basic, "Content-Type": FORM}))


@pytest.mark.parametrize("path", FORM_PATHS)
def test_another_workspaces_credentials_authenticate_but_reach_nothing_of_this_one(send, billing, eves, path):
    token = send.token(billing.basic).json()["access_token"]
    answer = send.post(path, {"grant_type": "client_credentials", "token": token, "resource": "https://localhost:8443/w/demo"}, eves.basic)
    assert_clean(answer)
    assert answer.json() == {"active": False} if path.endswith("introspect") else answer.status in (200, 400)
    assert send.get("/gateway/demo/verify", bearer(token)).status == 200


RANDOM = settings(max_examples=settings.default.max_examples // 2, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
# Latin-1, which is all that a header can hold once it is read.
LATIN = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=200)


@RANDOM
@given(text=st.text(max_size=60), secret=st.text(max_size=60), encode=st.booleans())
def test_any_basic_pair_is_invalid_client(billing, text, secret, encode):
    try:
        authorization = basic(text, secret, encode=encode)
    except UnicodeEncodeError:
        return
    # Without an address, so that nothing is throttled.
    assert DOORS["asgi"].token(authorization, address="").error == (401, "invalid_client")


@RANDOM
@given(authorization=LATIN, api_key=st.none() | LATIN, scope=LATIN, query=LATIN, scheme=st.sampled_from(["", "Basic ", "Bearer ", "DPoP ", "Bearer tos_live_"]))
def test_any_header_is_refused_at_verify(billing, authorization, api_key, scope, query, scheme):
    headers = {"Authorization": scheme + authorization, "X-TokenOS-Require-Scope": scope} | ({} if api_key is None else {"X-API-Key": api_key})
    answer = DOORS["asgi"].get("/gateway/demo/verify", headers=headers, query=query, address="")
    assert answer.status == 401
    assert_clean(answer)


@RANDOM
@given(query=st.binary(max_size=60), scope=LATIN, audience=LATIN)
def test_any_requirement_is_met_or_refused(billing, query, scope, audience):
    headers = {"Authorization": billing.basic, "X-TokenOS-Require-Scope": scope, "X-TokenOS-Require-Audience": audience}
    answer = DOORS["asgi"].get("/gateway/demo/verify", headers=headers, query="scope=" + quote_from_bytes(query, safe="&+%"), address="")
    assert answer.status in (200, 401, 403)
    assert_clean(answer)
    assert answer.headers.get("www-authenticate", "").count('"') % 2 == 0


@RANDOM
@given(path=st.sampled_from(FORM_PATHS), body=st.binary(max_size=300))
def test_any_body_is_refused(billing, path, body):
    answer = DOORS["asgi"].post(path, body, billing.basic, address=ADDRESS)
    assert answer.status in (400, 401)
    assert_clean(answer)


@RANDOM
@given(
    path=st.sampled_from(FORM_PATHS),
    pairs=st.lists(
        st.tuples(st.sampled_from(["grant_type", "scope", "resource", "token", "client_id", "foo"]), st.text(st.characters(codec="utf-8"), max_size=20)),
        max_size=6,
    ),
)
def test_any_parameters_are_answered(billing, path, pairs):
    assert_clean(DOORS["asgi"].post(path, [("grant_type", "client_credentials"), *pairs], billing.basic))


@RANDOM
@given(path=st.text(st.characters(codec="utf-8", exclude_characters="?#"), max_size=60))
def test_any_path_below_the_gateway_is_answered(billing, path):
    answer = DOORS["asgi"].get("/gateway/" + quote_from_bytes(path.encode(), safe="/"), billing.basic)
    assert answer.status in (200, 401, 404)
    assert_clean(answer)
