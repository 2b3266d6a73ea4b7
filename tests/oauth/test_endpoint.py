"""What becomes of a request once it is answered."""

import gc

import pytest

from oauth.introspection import introspect
from oauth.messages import Connection, Request
from oauth.token import token
from tests.oauth.doors import FORM, basic


@pytest.mark.parametrize("endpoint", [token, introspect])
@pytest.mark.parametrize("body", [b"grant_type=client_credentials&token=x", b"&&", b"grant_type=password"])
def test_refused_request_is_forgotten_at_once(billing, now, endpoint, body):
    """It holds a secret and up to 64 KB. The garbage collector would come for it later."""

    headers = {"content-type": FORM, "authorization": basic(billing.client_id, "wrong")}
    gc.disable()
    try:
        request = Request("POST", "/oauth2/token", "", headers, body, Connection("127.0.0.1", True, None, "forgotten"), now, set())
        assert endpoint(request).status in (400, 401)
        del request
        assert not [one for one in gc.get_objects() if type(one) is Request and one.connection.request_id == "forgotten"]
    finally:
        gc.enable()
