"""Clients that are disabled, or whose workspace is about to be deleted: neither they nor their tokens are accepted."""

from datetime import timedelta

from clients.services.clients import disable_client, enable_client
from clients.services.deletion import delete_workspace, keep_workspace
from tests.factories import TESTS
from tests.oauth.conftest import reason_of
from tests.oauth.doors import bearer


def test_clients_and_tokens_of_a_deleted_workspace_stop_working_until_it_is_restored(send, demo, billing, token, now):
    delete_workspace(workspace=demo, typed_slug="demo", actor=TESTS, now=now)
    for answer in (send.token(billing.basic), send.get("/api/v1/whoami", f"Bearer {token}"), send.get("/api/v1/whoami", f"Bearer {billing.secret}")):
        assert answer.status == 401
        assert reason_of(answer.request_id) == "workspace_deleted"
    keep_workspace(workspace=demo, actor=TESTS, now=now + timedelta(days=1))
    assert send.token(billing.basic).status == 200
    assert send.get("/api/v1/whoami", f"Bearer {token}").status == 200


def test_a_disabled_clients_secret_and_tokens_no_longer_work_everywhere_and_alive_again_once_it_is_enabled(asgi, billing, is_alive, token, now):
    disable_client(client=billing.client, now=now, actor=TESTS)
    assert not is_alive(token)
    assert reason_of(asgi.get("/api/v1/whoami", bearer(token)).request_id) == "client_disabled"
    for path in ("/api/v1/whoami", "/gateway/demo/verify"):
        assert asgi.get(path, billing.basic).status == asgi.get(path, bearer(billing.secret)).status == 401
    for path in ("/oauth2/token", "/oauth2/introspect", "/oauth2/revoke"):
        assert asgi.post(path, {"grant_type": "client_credentials", "token": "x"}, billing.basic).status == 401
    enable_client(client=billing.client, now=now, actor=TESTS)
    assert is_alive(token)
    assert asgi.token(billing.basic).status == 200
