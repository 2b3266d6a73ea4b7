"""A workspace, a client with a secret, and what the workspace demands."""

import pytest

from clients.services.workspaces import change_workspace
from tests.factories import TESTS, create_client, create_workspace
from tests.kept_rows import kept


@pytest.fixture
def workspace(db):
    return kept(lambda: create_workspace("demo"))


@pytest.fixture
def client_(workspace):
    client = kept(lambda: create_client(workspace).secret.client)
    # A kept client has a copy of its workspace, which a test's changes wouldn't reach.
    client.workspace = workspace
    return client


def demand(workspace, now, **policies):
    return change_workspace(workspace=workspace, actor=TESTS, now=now, **policies)
