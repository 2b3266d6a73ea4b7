"""Whether a client may authenticate by the method that it used: its own settings and its workspace's policy must allow it. RFC 6749 §2.3."""

from oauth import reasons
from oauth.reasons import Reason
from oauth.registration import RegisteredClient

_CAME = {
    "client_secret_basic": "by HTTP Basic or as an API key",
    "client_secret_post": "in the body",
    "private_key_jwt": "as a client assertion",
    "tls_client_auth": "as a client certificate",
    "self_signed_tls_client_auth": "as a client certificate",
}


def find_reason_in_method(method: str, client: RegisteredClient) -> Reason | None:
    if method in client.forbidden_auth_methods:
        return reasons.METHOD_AGAINST_POLICY.say(way=_CAME[method], workspace=client.workspace)
    if method not in client.auth_methods:
        return reasons.METHOD_NOT_ALLOWED.say(way=_CAME[method], allowed=" and ".join(client.auth_methods) or "no method")
    return None
