"""A workspace, a client with a secret, and what the workspace demands."""

import pytest

from clients.services.workspaces import change_workspace
from tests.factories import TESTS, create_client, create_workspace


@pytest.fixture
def workspace(db):
    return create_workspace("demo")


@pytest.fixture
def client_(workspace):
    return create_client(workspace).secret.client


def demand(workspace, now, **policies):
    return change_workspace(workspace=workspace, actor=TESTS, now=now, **policies)
