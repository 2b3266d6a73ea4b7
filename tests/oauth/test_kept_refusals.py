"""How many refused requests are kept, and whose: strangers' requests don't displace what an owner must see about their own client."""

from datetime import timedelta

import pytest
from django.utils import timezone

from clients.certificate import read_certificates
from clients.models import RecordedRequest
from clients.services.certificates import add_certificates, revoke_certificate
from clients.services.clients import disable_client
from clients.services.public_keys import revoke_public_key
from clients.services.secrets import revoke_secret
from oauth.models import FailureCount
from tests import factories
from tests.certificates import issue, pem, self_signed
from tests.factories import TESTS
from tests.oauth.assertions import create_robot
from tests.oauth.conftest import reason_of
from tests.oauth.doors import basic, bearer
from tests.oauth.proofs import new_key

MALFORMED = {"grant_typ": "x"}
# More than any place has.
FULL = 10**6


@pytest.fixture(autouse=True)
def _limits(settings):
    """No limits that would refuse before anything is kept."""
    settings.FAILURES_PER_ADDRESS = settings.FAILURES_PER_CLIENT = 1000


def guess(asgi, client_id, address="203.0.113.7"):
    """Guess as a stranger who knows the ID: a wrong secret, and a malformed request. Return whether they are kept."""
    answers = asgi.token(basic(client_id, "tos_live_x"), address=address), asgi.post("/oauth2/token", MALFORMED, basic(client_id, "x"), address=address)
    assert [answer.status for answer in answers] == [401, 400]
    return [is_kept(answer) for answer in answers]


def is_kept(answer):
    return RecordedRequest.objects.filter(request_id=answer.request_id).exists()


def fill(key=""):
    """Fill all counted places, or that one."""
    assert FailureCount.objects.filter(key__startswith=f"kept of {key}").update(failures=FULL)


class Refused:
    """Ways in which a client of demo is refused although it shows its own credential. Each is a request to send."""

    def __init__(self, asgi, demo, make, ca, named):
        self.asgi, self.demo, self.make, self.ca, self.named = asgi, demo, make, ca, named
        self.change = {"actor": TESTS, "now": timezone.now()}

    def secret_revoked(self):
        program = self.make(self.demo)
        revoke_secret(client=program.client, secret_id=program.secret_id, **self.change)
        return lambda: self.asgi.token(program.basic)

    def secret_expired(self):
        program = self.make(self.demo)
        factories.expire(program.client.secrets.get())
        return lambda: self.asgi.token(program.basic)

    def client_disabled(self):
        program = self.make(self.demo)
        disable_client(client=program.client, **self.change)
        return lambda: self.asgi.token(program.basic)

    def method_not_allowed(self):
        program = self.make(self.demo, auth_methods=["client_secret_post"])
        return lambda: self.asgi.token(program.basic)

    def address_not_allowed(self):
        program = self.make(self.demo, allowed_networks=["192.0.2.0/24"])
        return lambda: self.asgi.get("/api/v1/whoami", bearer(program.secret))

    def bound_token_required(self):
        program = self.make(self.demo, require_dpop=True)
        return lambda: self.asgi.get("/api/v1/whoami", program.basic)

    def certificate_required(self):
        program = self.make(self.demo, require_certificate=True)
        return lambda: self.asgi.token(program.basic)

    def certificate_untrusted(self):
        """It comes with a valid secret."""
        program = self.make(self.demo, require_certificate=True, auth_methods=["client_secret_basic", "self_signed_tls_client_auth"])
        return lambda: self.asgi.token(program.basic, certificate=self_signed().der)

    def key_revoked(self):
        robot = create_robot(self.demo, new_key(), now=timezone.now() - timedelta(minutes=1))
        revoke_public_key(client=robot.client, kid=robot.kid, **self.change)
        return lambda: self.asgi.token(None, robot.form())

    def assertion_expired(self):
        robot = create_robot(self.demo, new_key(), now=timezone.now() - timedelta(minutes=1))
        return lambda: self.asgi.token(None, robot.form(iat=1, exp=61))

    def certificate_revoked(self):
        program, holder = self.make(self.demo, auth_methods=["self_signed_tls_client_auth"]), self_signed()
        (row,) = add_certificates(client=program.client, parsed=read_certificates(pem(holder.certificate)), **self.change)
        revoke_certificate(client=program.client, thumbprint=row.thumbprint, **self.change)
        return lambda: self.asgi.token(None, {"client_id": program.client_id}, certificate=holder.der)

    def workspace_deleted(self):
        """With a certificate of the operator's CA."""
        program, holder = self.named("subject_dn", "CN=billing-sync"), issue(self.ca)
        self.demo.deletes_at = timezone.now() + timedelta(days=7)
        self.demo.save()
        return lambda: self.asgi.token(None, {"client_id": program.client_id}, certificate=holder.der)


WRONG = [name for name in vars(Refused) if not name.startswith("_")]


@pytest.mark.parametrize("reason", WRONG)
def test_what_a_client_with_its_own_credential_is_refused_for_is_kept_whatever_strangers_send(asgi, demo, make, ca, named, reason):
    """From its own address too."""
    send = getattr(Refused(asgi, demo, make, ca, named), reason)()
    for client in demo.clients.all():
        guess(asgi, client.client_id)
    fill()
    assert [guess(asgi, client.client_id) for client in demo.clients.all()] == [[False, False]]
    assert reason_of(send().request_id) == reason


def test_mistakes_of_a_client_are_kept_whatever_a_stranger_at_its_address_sends(asgi, billing):
    sent = lambda: asgi.post("/oauth2/token", MALFORMED, basic(billing.client_id, "x"))  # noqa: E731
    assert is_kept(sent())
    assert FailureCount.objects.exclude(key__startswith="kept of ").update(failures=99) == 1
    assert [is_kept(sent()) for _ in range(2)] == [True, False]
    fill()
    assert is_kept(asgi.token(billing.basic, {"scope": "admin"}))


def test_a_guess_that_names_a_client_is_a_strangers(asgi, demo, make, billing):
    """Somebody else's secret, and an unregistered key or certificate, prove nothing."""
    robot, machine = create_robot(demo, new_key(), now=timezone.now()), make(demo, auth_methods=["self_signed_tls_client_auth"])
    altered = billing.secret[:-8] + ("A" * 8 if billing.secret[-8:] != "A" * 8 else "B" * 8)
    sent = [
        lambda: asgi.token(basic(billing.client_id, make(demo).secret)),
        lambda: asgi.token(basic(billing.client_id, altered)),
        lambda: asgi.token(None, robot.form(robot.assertion()[:-8] + "AAAAAAAA")),
        lambda: asgi.token(None, {"client_id": machine.client_id}, certificate=self_signed().der),
        lambda: asgi.token(None, {"client_id": machine.client_id}),
    ]
    assert [is_kept(send()) for send in sent] == [True] * 5
    fill()
    assert [is_kept(send()) for send in sent] == [False] * 5


def test_a_network_takes_a_tenth_of_the_strangers_places(asgi, billing, make, demo):
    """However many clients it names. A /48 of IPv6 counts as one."""
    for address, same, other in (("203.0.113.7", "203.0.113.7", "203.0.113.8"), ("2001:db8::1", "2001:db8:0:ff::1", "2001:db8:1::1")):
        guess(asgi, billing.client_id, address)
        counts = FailureCount.objects.filter(key__startswith=f"kept of strangers {demo.pk} ")
        assert counts.update(failures=999) == 1
        assert [guess(asgi, make(demo).client_id, same), guess(asgi, billing.client_id, same)] == [[True, False], [False, False]]
        assert guess(asgi, billing.client_id, other) == [True, True]
        counts.delete()


def test_a_client_takes_a_part_of_the_strangers_places(asgi, billing, make, demo):
    """From any number of addresses."""
    guess(asgi, billing.client_id)
    assert FailureCount.objects.filter(key=f"kept of strangers at {billing.client.pk}").update(failures=2_999) == 1
    assert guess(asgi, billing.client_id, "203.0.113.8") == [True, False]
    assert guess(asgi, make(demo).client_id, "203.0.113.8") == [True, True]


def test_a_network_takes_a_tenth_of_the_places_of_those_who_name_no_client(asgi, billing):
    def fail(address):
        return is_kept(asgi.token(basic("A" * 22, "x"), address=address))

    assert fail("203.0.113.7")
    assert FailureCount.objects.filter(key="kept of strangers none 203.0.113.7").update(failures=1_000) == 1
    assert (fail("203.0.113.7"), fail("203.0.113.8")) == (False, True)


def test_senders_whose_address_nothing_shows_share_a_place(asgi, billing):
    def fail():
        return is_kept(asgi.post("/oauth2/token", MALFORMED, basic(billing.client_id, "x"), address=""))

    assert fail()
    fill(f"strangers {billing.client.workspace_id} unknown")
    assert not fail()
