"""If several people use one link at the same moment, one gets a secret."""

import pytest

from clients.models import AuditEvent, ClientSecret
from tests import factories
from tests.dashboard.hand_over.at_once import ROUNDS, make_link, use_at_once


@pytest.mark.django_db(transaction=True)
def test_one_of_them_makes_it():
    client = factories.create_client(factories.create_workspace()).secret.client
    assert use_at_once(make_link(client)) == 1
    assert ClientSecret.objects.filter(client=client).count() == 2
    assert AuditEvent.objects.filter(event="hand_over.used").count() == 1


def test_on_postgresql_as_well(run_on_postgresql):
    found = run_on_postgresql("tests.dashboard.hand_over.at_once_on_postgresql")
    assert found == {"used": [1], "secrets": 1 + ROUNDS}
