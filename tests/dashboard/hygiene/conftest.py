"""Clients and secrets of every age and use, as rows that the server would have written."""

from datetime import timedelta

import pytest

from clients.models import ClientActivity, ScopeUse
from tests import factories


@pytest.fixture
def make(demo, now):
    """A client that was made and used that many days ago, None for never. The result has .secret."""

    def make(name="billing-sync", *, made=200, used=0, **fields):
        new = factories.create_client(demo, name=name, secret_lifetime=timedelta(days=1000), now=now - timedelta(days=made), **fields)
        use(new.secret, used)
        return new.secret

    def use(secret, days):
        moment = None if days is None else now - timedelta(days=days)
        secret.last_used_at = moment
        secret.save(update_fields=["last_used_at"])
        activity, _ = ClientActivity.objects.get_or_create(client=secret.client, defaults={"workspace": secret.client.workspace})
        if moment is not None and (activity.last_used_at is None or activity.last_used_at < moment):
            activity.last_used_at, activity.granted_30d = moment, 100 if days < 30 else 0
            activity.save()

    make.use = use
    return make


@pytest.fixture
def ask_scopes(now):
    """Record that a client used those scopes, each that many days ago. named: whether its requests named them."""

    def ask(secret, *scopes, days=3, is_named=True):
        for scope in scopes:
            ScopeUse.objects.create(client=secret.client, scope=scope, day=(now - timedelta(days=days)).date(), granted=10, asked=10 if is_named else 0)

    return ask
