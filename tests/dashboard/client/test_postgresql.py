"""On PostgreSQL as well a client's page finds its credentials, and from where they are used."""


def test_credentials_and_places_are_found(run_on_postgresql):
    assert run_on_postgresql("tests.clients.credentials_on_postgresql") == {
        "usable": ["ClientCertificate", "ClientPublicKey", "ClientSecret"],
        "ended": [["ClientSecret", 86_400]],
        "places": [["203.0.113.61", 6, False], ["192.0.2.201", 3, True]],
    }
