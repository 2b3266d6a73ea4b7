"""manage.py extend_secret and end_secret CLIENT_ID SECRET_ID."""

from datetime import timedelta

import pytest

from clients.models import AuditEvent, ClientSecret

DAY = timedelta(days=1)


@pytest.fixture
def ending(billing, now):
    """A secret that expires, as an old one does during a rotation."""
    ClientSecret.objects.update(expires_at=now + DAY)
    return ClientSecret.objects.get()


def ids(secret):
    return [secret.client.client_id, secret.secret_id]


class TestExtend:
    def test_it_is_extended_by_a_duration_from_its_expiry(self, command, ending, now):
        result = command("extend_secret", *ids(ending), "--by", "7d", "--json").json
        assert result == {"client_id": ending.client.client_id, "secret_id": ending.secret_id, "expires_at": (now + 8 * DAY).isoformat()}
        assert AuditEvent.objects.first().event == "secret.extended"

    @pytest.mark.parametrize(("until", "end"), [("2027-11-24T17:10Z", "17:10"), ("2027-11-24T17:10", "17:10"), ("2027-11-24T17:10+02:00", "15:10")])
    def test_it_is_extended_until_a_time(self, command, ending, until, end):
        assert command("extend_secret", *ids(ending), "--until", until, "--json").json["expires_at"] == f"2027-11-24T{end}:00+00:00"

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            ([], "Give either --by"),
            (["--by", "1h", "--until", "2027-11-24"], "Give either --by"),
            (["--by", "soon"], "soon"),
            (["--until", "tomorrow"], "Write it like 2026-11-24T17:10Z."),
            (["--until", "0001-01-01T00:00+12:00"], "Write it like 2026-11-24T17:10Z."),
            (["--until", "2020-01-01"], "already works until then"),
        ],
    )
    def test_invalid_values_are_refused(self, refused, ending, arguments, said):
        assert said in refused("extend_secret", *ids(ending), *arguments)
        assert not AuditEvent.objects.filter(event="secret.extended").exists()

    def test_a_secret_without_expiry_is_refused(self, refused, billing):
        ClientSecret.objects.update(expires_at=None)
        assert "has no expiry date, so it can't be extended" in refused("extend_secret", *ids(billing.secret), "--by", "1h")

    def test_an_unknown_one_is_refused(self, refused, billing):
        assert "has no secret “nobody”. It has " in refused("extend_secret", billing.secret.client.client_id, "nobody", "--by", "1h")


class TestEnd:
    def test_it_obtains_no_more_tokens(self, command, billing):
        result = command("end_secret", *ids(billing.secret), "--json").json
        secret = ClientSecret.objects.get()
        assert result == {"client_id": secret.client.client_id, "secret_id": secret.secret_id, "expires_at": secret.expires_at.isoformat()}
        assert secret.revoked_at is None
        assert AuditEvent.objects.first().event == "secret.ended"

    def test_an_unknown_one_is_refused(self, refused, billing):
        assert "has no secret “nobody”. It has " in refused("end_secret", billing.secret.client.client_id, "nobody")
