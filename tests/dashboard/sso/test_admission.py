"""Who comes in by single sign-on, as which account."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from allauth.socialaccount.models import SocialAccount
from django.db import connection

from dashboard.models import Membership, User
from tests import factories
from tests.dashboard.conftest import Browser
from tests.dashboard.sso.conftest import begin, come, events, heading, link, user_of

pytestmark = pytest.mark.django_db


def test_somebody_who_has_a_group_with_a_role_gets_an_account_and_each_step_is_in_the_audit_log(browser, okta, demo):
    response = come(browser, okta, goes_on="/w/demo/members/", sub="00u2", email="Grace@Example.com", name="Grace\nHopper", groups=["devs", "others"])
    assert (response.status_code, response["Location"]) == (302, "/w/demo/members/")
    user = User.objects.get(email="grace@example.com")
    assert (user.name, user.has_usable_password(), user.is_staff) == ("Grace Hopper", False, False)
    assert user_of(browser) == user.pk
    assert browser.get("/w/demo/members/").status_code == 200
    membership = Membership.objects.get(user=user)
    assert (membership.workspace, membership.role, membership.came_by_sso) == (demo, "developer", True)
    created, connected, added, signed_in = events("user.created", "user.sso_connected", "member.added", "user.signed_in")[-4:]
    assert {event.actor for event in (created, connected, added)} == {f"sso:{okta.issuer}"}
    assert connected.after == {"issuer": okta.issuer, "subject": "00u2"}
    assert (added.workspace, added.after) == (demo, {"role": "developer"})
    assert signed_in.actor == user.audit_name
    assert {event.target_id for event in (created, connected, added, signed_in)} == {user.audit_name}
    assert {event.request_id for event in (created, added, signed_in)} == {response["X-Request-Id"]}


def test_an_account_is_found_by_issuer_and_subject_letter_by_letter_whatever_its_address(browser, okta, demo, ada):
    linked = SocialAccount.objects.create(user=ada, provider="https://elsewhere.example", uid="00u1ada")
    assert (come(browser, okta).status_code, user_of(browser)) == (403, None)
    SocialAccount.objects.filter(pk=linked.pk).update(provider=okta.issuer)
    assert (come(browser, okta, sub="00U1ADA").status_code, user_of(browser)) == (403, None)
    come(browser, okta, sub="00u1ada", email="ada@new-name.example", email_verified=False)
    assert user_of(browser) == ada.pk
    assert User.objects.get(pk=ada.pk).email == "ada@example.com"


def test_an_account_that_was_there_is_not_taken_over_by_its_address(browser, okta, demo, ada):
    response = come(browser, okta, groups=["platform"])
    assert (response.status_code, heading(response)) == (403, "An account for ada@example.com already exists")
    assert "connect your account with Okta" in response.content.decode()
    assert user_of(browser) is None
    assert not SocialAccount.objects.exists()
    assert Membership.objects.get(user=ada, workspace=demo).role == "owner"


def test_an_account_is_linked_by_its_address_where_the_provider_answers_for_the_domain(browser, okta, demo, ada, settings):
    settings.SSO_DOMAINS = ["Example.COM"]
    come(browser, okta, email_verified=None)
    assert user_of(browser) == ada.pk
    assert SocialAccount.objects.get().user == ada


@pytest.mark.parametrize(
    ("domain", "verified"),
    [
        ("example.com", False),
        *(("example.com", said) for said in ("false", 0, "no")),
        *((domain, True) for domain in ("ample.com", "example.com.attacker.example", "attacker.example", "@example.com")),
    ],
)
def test_no_address_that_is_not_verified_or_of_another_domain_finds_an_account(browser, okta, demo, ada, settings, domain, verified):
    settings.SSO_DOMAINS = [domain]
    assert come(browser, okta, email_verified=verified).status_code == 403
    assert user_of(browser) is None


@pytest.mark.parametrize(
    ("own", "theirs"), [("strasse.example", "stra\u00dfe.example"), ("example.com", "example\u3002com"), ("example.com", "\uff45xample.com")]
)
def test_a_domain_in_other_letters_is_not_that_domain(browser, okta, demo, settings, own, theirs):
    """By today's rules ß is a separate letter, so the domain with it may belong to somebody else."""
    settings.SSO_DOMAINS = [own]
    factories.add_member(demo, factories.create_user(f"boss@{own}"), "owner")
    assert come(browser, okta, sub="00u7", email=f"boss@{theirs}").status_code == 403
    assert user_of(browser) is None


def test_an_administrator_or_an_account_without_workspace_or_linked_already_is_not_found_by_address(browser, okta, demo, ada, olga, settings):
    settings.SSO_DOMAINS = ["example.com"]
    response = come(browser, okta, email=olga.email, groups=["platform"])
    assert (response.status_code, heading(response), user_of(browser)) == (403, "An account for olga@example.com already exists", None)
    factories.create_user("grace@example.com")
    assert heading(come(browser, okta, sub="00u2", email="grace@example.com", groups=[])) == "You have no workspace here yet"
    assert not SocialAccount.objects.exists()
    link(ada, okta, "00u-before")
    assert heading(come(browser, okta, sub="00u1ada", email=ada.email)) == "This account is connected to somebody else at Okta"
    assert user_of(browser) is None


@pytest.mark.parametrize("verified", [False, None, "false", "yes", 1, ["true"]])
def test_an_address_that_is_not_verified_gives_no_account(browser, okta, demo, verified):
    response = come(browser, okta, sub="00u2", email="grace@example.com", email_verified=verified, groups=["devs"])
    assert (response.status_code, heading(response)) == (403, "Okta hasn’t verified your email address")
    assert not User.objects.filter(email="grace@example.com").exists()


def test_verified_in_one_document_says_nothing_about_the_address_of_the_other_and_the_word_true_is_true(browser, okta, demo):
    okta.userinfo = {"email": "eve@elsewhere.example", "email_verified": True}
    come(browser, okta, sub="00u2", email="grace@example.com", email_verified=None, groups=["devs"])
    assert not User.objects.filter(email="grace@example.com").exists()
    assert User.objects.filter(email="eve@elsewhere.example").exists()
    okta.userinfo = {}
    assert come(browser, okta, sub="00u3", email_verified="true").status_code == 302
    assert User.objects.filter(email="grace@example.com").exists()


def test_address_name_and_groups_may_come_from_userinfo(browser, okta, demo):
    okta.userinfo = {"email": "grace@example.com", "email_verified": True, "name": "Grace", "groups": ["platform"]}
    come(browser, okta, sub="00u2", email=None, email_verified=None, name=None)
    assert Membership.objects.get(user__email="grace@example.com", workspace=demo).role == "admin"
    assert okta.headers("/userinfo")["authorization"] == "Bearer access-token"


# In lower case it is twice as long.
GROWING = f"grace@{'.'.join(['İ' * 20] * 7)}.com"


@pytest.mark.parametrize(
    "email", [None, "", "no address", "grace@", ["grace@example.com"], 7, "g" * 300 + "@example.com", GROWING, "grace\0@example.com", "a@b\r\nc.d"]
)
def test_anything_but_an_address_gives_no_account(browser, okta, demo, email):
    before = User.objects.count()
    assert come(browser, okta, sub="00u2", email=email, groups=["devs"]).status_code == 403
    assert User.objects.count() == before


def test_an_address_with_a_letter_like_k_is_not_that_of_somebody_with_a_k(browser, okta, demo, settings):
    """In lower case, the Kelvin sign is a k."""
    settings.SSO_DOMAINS = ["example.com"]
    factories.create_user("mark@example.com")
    assert come(browser, okta, sub="00u2", email="mar\u212a@example.com", groups=["devs"]).status_code == 403
    assert user_of(browser) is None


@pytest.mark.parametrize("name", ["\u202eevil\0", "🚀" * 300, "x" * 100_000, 7, None, ["x"], "   "])
def test_a_name_is_at_most_100_characters_that_can_be_shown(browser, okta, demo, name):
    okta.userinfo = {"name": name} if isinstance(name, str) and len(name) < 50_000 else {}
    come(browser, okta, sub="00u2", email="grace@example.com", name=name if not isinstance(name, str) or len(name) < 5000 else "x" * 5000, groups=["devs"])
    shown = User.objects.get(email="grace@example.com").name
    assert len(shown) <= 100
    assert shown.isprintable()


@pytest.mark.parametrize("groups", [["others"], ["elsewhere"]])
def test_somebody_who_has_neither_a_group_of_a_workspace_that_exists_nor_a_membership_is_told_whom_to_ask(browser, okta, demo, settings, groups):
    settings.SSO_ROLES = [*settings.SSO_ROLES, ("elsewhere", "nowhere", "owner")]
    response = come(browser, okta, sub="00u2", email="grace@example.com", groups=groups)
    assert (response.status_code, heading(response)) == (403, "You have no workspace here yet")
    assert "Ask an owner of your workspace to invite you" in response.content.decode()
    assert not User.objects.filter(email="grace@example.com").exists()
    refused = events("user.sign_in_failed")[-1]
    assert refused.after == {"method": "single sign-on", "reason": "no_role", "email": "grace@example.com"}


def test_somebody_who_is_refused_keeps_no_colleague_out_and_who_is_a_member_needs_no_group(browser, okta, demo, ben, settings):
    settings.FAILURES_PER_CLIENT = 1
    link(ben, okta, "00u-ben")
    for _ in range(2):
        assert come(browser, okta, sub="00u2", email="grace@example.com").status_code == 403
    come(browser, okta, sub="00u-ben", email=ben.email)
    assert user_of(browser) == ben.pk
    assert Membership.objects.get(user=ben).role == "viewer"


def test_an_account_that_is_switched_off_stays_out(browser, okta, demo, ada):
    link(ada, okta)
    User.objects.filter(pk=ada.pk).update(is_active=False)
    response = come(browser, okta, groups=["platform"])
    assert (response.status_code, heading(response)) == (403, "Your account is disabled")
    assert user_of(browser) is None
    assert events("user.sign_in_failed")[-1].target_id == ada.audit_name


@pytest.mark.long
@pytest.mark.django_db(transaction=True)
def test_the_first_sign_in_at_two_places_at_once_makes_one_account(okta, demo):
    okta.claims.update({"sub": "00u2", "email": "grace@example.com", "groups": ["devs"]})
    browsers = [Browser(raise_request_exception=False, REMOTE_ADDR=address) for address in ("203.0.113.1", "198.51.100.1")]
    callbacks = [okta.authorize(begin(browser)) for browser in browsers]

    def finish(browser, callback):
        try:
            return browser.get(callback).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as threads:
        assert set(threads.map(finish, browsers, callbacks)) == {302}
    assert User.objects.filter(email="grace@example.com").count() == 1
    assert SocialAccount.objects.count() == 1
    assert Membership.objects.filter(user__email="grace@example.com").count() == 1


def test_an_account_that_another_window_made_meanwhile_is_found(browser, okta, demo):
    """With SQLite two sign-ins never overlap, so the test simulates PostgreSQL's clash once."""
    clashes = iter([1, 0])
    with connection.cursor() as cursor:
        connection.connection.create_function("clash", 0, lambda: next(clashes))
        cursor.execute(
            "CREATE TEMP TRIGGER clash BEFORE INSERT ON socialaccount_socialaccount WHEN clash() BEGIN SELECT RAISE(ABORT, 'UNIQUE constraint failed'); END"
        )
    try:
        assert come(browser, okta, sub="00u2", email="grace@example.com", groups=["devs"]).status_code == 302
    finally:
        connection.cursor().execute("DROP TRIGGER clash")
    assert User.objects.filter(email="grace@example.com").count() == 1
    assert len(events("user.created")) == len({event.target_id for event in events("user.created")})
