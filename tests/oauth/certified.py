"""What a client that authenticates by certificate sends, and what it is told."""

from tests.oauth.conftest import reason_of

SELF_SIGNED, BY_CA = "self_signed_tls_client_auth", "tls_client_auth"


def get_token(send, client_id, holder, **rest):
    return send.token(None, {"client_id": client_id}, certificate=holder.der, **rest)


def refusal(answer):
    """The reason that the owner reads. The caller sees only invalid_client."""
    assert answer.error == (401, "invalid_client")
    assert answer.headers["www-authenticate"].startswith("Basic ")
    assert "ertificate" not in answer.body.decode()
    return reason_of(answer.request_id)
