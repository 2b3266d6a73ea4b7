"""On PostgreSQL as well a client's page finds its credentials, and from where they are used."""

from tests.dashboard.members.test_postgresql import run
from tests.servers import conftest as servers

postgresql = servers.postgresql


def test_credentials_and_places_are_found(postgresql, tmp_path):
    assert run("tests.clients.credentials_on_postgresql", postgresql.create_database(), tmp_path) == {
        "usable": ["ClientCertificate", "ClientPublicKey", "ClientSecret"],
        "ended": [["ClientSecret", 86_400]],
        "places": [["203.0.113.61", 6, False], ["192.0.2.201", 3, True]],
    }
