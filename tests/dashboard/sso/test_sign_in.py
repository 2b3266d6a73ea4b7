"""Signing in at the provider: who comes in, as which account."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from allauth.socialaccount.models import SocialAccount
from django.contrib.sessions.models import Session
from django.db import connection
from django.utils import timezone

from dashboard.models import Membership, User
from dashboard.people import quotas
from dashboard.people.sso import provider
from tests import factories
from tests.dashboard.conftest import Browser, age_session
from tests.dashboard.sso.conftest import CALLBACK, START, begin, come, events, heading, user_of

pytestmark = pytest.mark.django_db


def link(user, okta, subject="00u1ada"):
    return SocialAccount.objects.create(user=user, provider=okta.issuer, uid=subject)


# What is asked of the provider


def test_the_sign_in_page_offers_it(browser, okta):
    text = browser.get("/accounts/sign-in/?next=/w/demo/").content.decode()
    assert "Sign in with Okta" in text
    assert f'action="{START}"' in text
    assert 'name="next" value="/w/demo/"' in text


def test_the_request_is_a_code_request_with_pkce_state_and_nonce(browser, okta):
    okta.authorize(begin(browser))
    asked = okta.asked
    assert (asked["response_type"], asked["client_id"], asked["scope"]) == ("code", "tokenos", "openid email profile")
    assert asked["redirect_uri"] == f"https://testserver{CALLBACK}"
    assert asked["code_challenge_method"] == "S256"
    assert all(len(asked[name]) >= 43 for name in ("state", "nonce", "code_challenge"))


def test_nothing_of_the_request_follows_the_query(browser, okta):
    okta.authorize(begin(browser, path=f"{START}?scope=admin&auth_params=prompt%3Dnone&process=connect"))
    assert okta.asked["scope"] == "openid email profile"
    assert "prompt" not in okta.asked


def test_no_two_requests_are_alike(browser, okta):
    first, second = begin(browser), begin(browser)
    okta.authorize(first)
    before = okta.asked
    okta.authorize(second)
    assert not {before[name] for name in ("state", "nonce", "code_challenge")} & {okta.asked[name] for name in ("state", "nonce", "code_challenge")}


def test_a_link_alone_begins_nothing(browser, okta):
    """A provider's portal sends people here; another site could as well."""
    response = browser.get(f"{START}?next=/w/demo/")
    assert response.status_code == 200
    assert "Refresh" not in response
    assert not okta.requests


def test_a_form_of_another_site_begins_nothing(okta):
    assert Browser(enforce_csrf_checks=True).post(START).status_code == 403
    assert not okta.requests


def test_the_client_authenticates_as_the_provider_takes_it(browser, okta, demo):
    come(browser, okta, groups=["devs"])
    assert okta.headers("/token")["authorization"].startswith("Basic ")
    assert "client_secret" not in okta.forms("/token")[-1]
    okta.metadata["token_endpoint_auth_methods_supported"] = ["client_secret_post"]
    come(browser, okta)
    assert "authorization" not in okta.headers("/token")
    assert okta.forms("/token")[-1]["client_secret"] == ["only for tests: ü/+~"]
    assert len(okta.forms("/token")[-1]["code_verifier"][0]) >= 43


# Who comes in


def test_whoever_has_a_group_with_a_role_gets_an_account(browser, okta, demo):
    response = come(browser, okta, goes_on="/w/demo/members/", sub="00u2", email="Grace@Example.com", name="Grace\nHopper", groups=["devs", "others"])
    assert (response.status_code, response["Location"]) == (302, "/w/demo/members/")
    user = User.objects.get(email="grace@example.com")
    assert (user.name, user.has_usable_password(), user.is_staff) == ("Grace Hopper", False, False)
    assert user_of(browser) == user.pk
    assert browser.get("/w/demo/members/").status_code == 200
    membership = Membership.objects.get(user=user)
    assert (membership.workspace, membership.role, membership.came_by_sso) == (demo, "developer", True)


def test_each_step_is_in_the_audit_log(browser, okta, demo):
    response = come(browser, okta, sub="00u2", email="grace@example.com", groups=["devs"])
    created, connected, added, signed_in = events("user.created", "user.sso_connected", "member.added", "user.signed_in")[-4:]
    assert {event.actor for event in (created, connected, added)} == {f"sso:{okta.issuer}"}
    assert connected.after == {"issuer": okta.issuer, "subject": "00u2"}
    assert (added.workspace, added.after) == (demo, {"role": "developer"})
    user = User.objects.get(email="grace@example.com")
    assert signed_in.actor == user.audit_name
    assert {event.target_id for event in (created, connected, added, signed_in)} == {user.audit_name}
    assert {event.request_id for event in (created, added, signed_in)} == {response["X-Request-Id"]}


def test_an_account_is_found_by_issuer_and_subject_whatever_its_address(browser, okta, demo, ada):
    link(ada, okta)
    come(browser, okta, email="ada@new-name.example", email_verified=False)
    assert user_of(browser) == ada.pk
    assert User.objects.get(pk=ada.pk).email == "ada@example.com"


def test_the_same_subject_at_another_issuer_is_somebody_else(browser, okta, demo, ada):
    SocialAccount.objects.create(user=ada, provider="https://elsewhere.example", uid="00u1ada")
    response = come(browser, okta)
    assert (response.status_code, user_of(browser)) == (403, None)


def test_subjects_differ_by_upper_and_lower_case(browser, okta, demo, ada):
    link(ada, okta)
    assert come(browser, okta, sub="00U1ADA").status_code == 403
    assert user_of(browser) is None


def test_an_account_that_was_there_is_not_taken_over_by_its_address(browser, okta, demo, ada):
    response = come(browser, okta, groups=["platform"])
    assert (response.status_code, heading(response)) == (403, "ada@example.com already has an account here")
    assert "connect your account with Okta" in response.content.decode()
    assert user_of(browser) is None
    assert not SocialAccount.objects.exists()
    assert Membership.objects.get(user=ada, workspace=demo).role == "owner"


def test_an_account_is_linked_by_its_address_where_the_provider_answers_for_the_domain(browser, okta, demo, ada, settings):
    settings.SSO_DOMAINS = ["Example.COM"]
    come(browser, okta, email_verified=None)
    assert user_of(browser) == ada.pk
    assert SocialAccount.objects.get().user == ada


@pytest.mark.parametrize("said", [False, "false", 0, "no"])
def test_no_domain_overrules_a_provider_that_says_that_an_address_is_not_verified(browser, okta, demo, ada, settings, said):
    settings.SSO_DOMAINS = ["example.com"]
    assert come(browser, okta, email_verified=said).status_code == 403
    assert user_of(browser) is None


@pytest.mark.parametrize("domain", ["ample.com", "example.com.attacker.example", "attacker.example", "@example.com"])
def test_another_domain_is_not_that_domain(browser, okta, demo, ada, settings, domain):
    settings.SSO_DOMAINS = [domain]
    assert come(browser, okta).status_code == 403
    assert user_of(browser) is None


@pytest.mark.parametrize(
    ("own", "theirs"), [("strasse.example", "stra\u00dfe.example"), ("example.com", "example\u3002com"), ("example.com", "\uff45xample.com")]
)
def test_a_domain_in_other_letters_is_not_that_domain(browser, okta, demo, settings, own, theirs):
    """By today's rules ß is a letter of its own, and the domain with it somebody else's."""
    settings.SSO_DOMAINS = [own]
    factories.add_member(demo, factories.create_user(f"boss@{own}"), "owner")
    assert come(browser, okta, sub="00u7", email=f"boss@{theirs}").status_code == 403
    assert user_of(browser) is None


def test_the_administrator_of_the_instance_is_never_found_by_address(browser, okta, demo, olga, settings):
    settings.SSO_DOMAINS = ["example.com"]
    response = come(browser, okta, email=olga.email, groups=["platform"])
    assert (response.status_code, heading(response)) == (403, "olga@example.com already has an account here")
    assert user_of(browser) is None


def test_an_account_without_any_workspace_is_not_linked_by_its_address(browser, okta, demo, settings):
    settings.SSO_DOMAINS = ["example.com"]
    factories.create_user("grace@example.com")
    assert heading(come(browser, okta, sub="00u2", email="grace@example.com")) == "You have no workspace here yet"
    assert not SocialAccount.objects.exists()


def test_an_account_that_is_linked_already_gets_no_second_person(browser, okta, demo, ada, settings):
    settings.SSO_DOMAINS = ["example.com"]
    link(ada, okta, "00u-before")
    response = come(browser, okta)
    assert heading(response) == "This account is connected with somebody else at Okta"
    assert user_of(browser) is None


@pytest.mark.parametrize("verified", [False, None, "false", "yes", 1, ["true"]])
def test_an_address_that_is_not_verified_gives_no_account(browser, okta, demo, verified):
    response = come(browser, okta, sub="00u2", email="grace@example.com", email_verified=verified, groups=["devs"])
    assert (response.status_code, heading(response)) == (403, "Okta hasn’t verified your email address")
    assert not User.objects.filter(email="grace@example.com").exists()


def test_the_word_true_is_true(browser, okta, demo):
    assert come(browser, okta, sub="00u2", email="grace@example.com", email_verified="true", groups=["devs"]).status_code == 302


def test_verified_in_one_document_says_nothing_about_the_address_of_the_other(browser, okta, demo):
    okta.userinfo = {"email": "eve@elsewhere.example", "email_verified": True}
    come(browser, okta, sub="00u2", email="grace@example.com", email_verified=None, groups=["devs"])
    assert not User.objects.filter(email="grace@example.com").exists()
    assert User.objects.filter(email="eve@elsewhere.example").exists()


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
def test_what_is_no_address_gives_no_account(browser, okta, demo, email):
    before = User.objects.count()
    assert come(browser, okta, sub="00u2", email=email, groups=["devs"]).status_code == 403
    assert User.objects.count() == before


@pytest.mark.parametrize("name", ["\u202eevil\0", "🚀" * 300, "x" * 100_000, 7, None, ["x"], "   "])
def test_a_name_is_at_most_100_characters_that_can_be_shown(browser, okta, demo, name):
    okta.userinfo = {"name": name} if isinstance(name, str) and len(name) < 50_000 else {}
    come(browser, okta, sub="00u2", email="grace@example.com", name=name if not isinstance(name, str) or len(name) < 5000 else "x" * 5000, groups=["devs"])
    shown = User.objects.get(email="grace@example.com").name
    assert len(shown) <= 100
    assert shown.isprintable()


def test_whoever_has_neither_group_nor_membership_is_told_whom_to_ask(browser, okta, demo):
    response = come(browser, okta, sub="00u2", email="grace@example.com", groups=["others"])
    assert (response.status_code, heading(response)) == (403, "You have no workspace here yet")
    assert "Ask an owner of your workspace to invite you" in response.content.decode()
    assert not User.objects.filter(email="grace@example.com").exists()
    refused = events("user.sign_in_failed")[-1]
    assert refused.after == {"method": "single sign-on", "reason": "no_role", "email": "grace@example.com"}


def test_whoever_is_refused_keeps_no_colleague_out(browser, okta, demo, ada, settings):
    settings.FAILURES_PER_CLIENT = 1
    link(ada, okta)
    for _ in range(3):
        assert come(browser, okta, sub="00u2", email="grace@example.com").status_code == 403
    come(browser, okta, sub="00u1ada")
    assert user_of(browser) == ada.pk


def test_a_group_whose_workspace_is_not_there_gives_no_account(browser, okta):
    assert come(browser, okta, sub="00u2", email="grace@example.com", groups=["devs"]).status_code == 403
    assert not User.objects.exists()


def test_whoever_is_a_member_needs_no_group(browser, okta, demo, ben):
    link(ben, okta, "00u-ben")
    come(browser, okta, sub="00u-ben", email=ben.email)
    assert user_of(browser) == ben.pk
    assert Membership.objects.get(user=ben).role == "viewer"


def test_an_account_that_is_switched_off_stays_out(browser, okta, demo, ada):
    link(ada, okta)
    User.objects.filter(pk=ada.pk).update(is_active=False)
    response = come(browser, okta, groups=["platform"])
    assert (response.status_code, heading(response)) == (403, "Your account is switched off")
    assert user_of(browser) is None
    assert events("user.sign_in_failed")[-1].target_id == ada.audit_name


# How it goes on


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "https:evil.example", "\t//evil.example"]
)
def test_it_goes_on_at_no_other_site(browser, okta, demo, ada, elsewhere):
    link(ada, okta)
    assert come(browser, okta, goes_on=elsewhere)["Location"] == "/"


def test_whoever_else_was_signed_in_is_signed_out(browser, okta, demo, ada, ben):
    link(ada, okta)
    browser.force_login(ben)
    before = browser.session.session_key
    come(browser, okta)
    assert user_of(browser) == ada.pk
    assert browser.session.session_key != before


def test_the_session_gets_another_key(browser, okta, demo, ada):
    link(ada, okta)
    url = begin(browser)
    before = browser.session.session_key
    browser.get(okta.authorize(url))
    assert browser.session.session_key != before


def test_the_session_ends_after_twelve_hours_however_it_is_used(browser, okta, demo, ada, settings):
    settings.SESSION_COOKIE_AGE = 14 * 24 * 3600
    link(ada, okta)
    come(browser, okta)
    first = Session.objects.get(session_key=browser.row_key).expire_date
    assert timedelta(hours=11, minutes=59) < first - timezone.now() <= timedelta(hours=12)
    age_session(browser, hours=1)
    assert browser.get("/w/demo/members/").status_code == 200
    assert abs(Session.objects.get(session_key=browser.row_key).expire_date - first) < timedelta(seconds=2)


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
    """With SQLite two sign-ins never overlap, so the clash of those of PostgreSQL is made here, once."""
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


def test_a_stranger_fills_no_table_with_sessions(okta, db):
    begin(Browser())
    assert not Session.objects.exists()


def test_beginning_often_asks_the_provider_once_in_5_seconds(okta, db, monkeypatch):
    """Anybody may begin, and only few may speak with the provider at once: else a stranger could keep everybody else from it."""
    for _ in range(5):
        begin(Browser())
    assert len([path for path, _, _ in okta.requests if path.endswith("/openid-configuration")]) == 1
    monkeypatch.setattr(provider, "monotonic", lambda: time.monotonic() + 6)
    begin(Browser())
    assert len([path for path, _, _ in okta.requests if path.endswith("/openid-configuration")]) == 2


def test_one_person_fills_no_log_by_coming_again_and_again(browser, okta, demo, ada, monkeypatch):
    """Each is an event that nobody can remove, and a provider that knows them asks nothing."""
    link(ada, okta)
    monkeypatch.setattr(quotas, "MAX_PROOFS", 2)
    assert [come(browser, okta).status_code for _ in range(2)] == [302, 302]
    refused = come(browser, okta)
    assert (refused.status_code, heading(refused), int(refused["Retry-After"]) > 3000) == (429, "Too many attempts", True)
    assert len(events("user.signed_in")) == 2
    assert not events("user.sign_in_failed")


def test_who_the_provider_vouches_for_uses_up_nothing_of_the_proofs_here(browser, okta, demo, ada, monkeypatch):
    """They haven't proved the account's own second factor."""
    link(ada, okta)
    monkeypatch.setattr(quotas, "MAX_PROOFS", 1)
    assert [come(browser, okta).status_code for _ in range(2)] == [302, 429]
    proved = browser.post("/accounts/confirm/", {"password": factories.PASSWORD, "next": "/w/"})
    assert proved["Location"] == "/w/"


def test_nor_by_proving_there_who_they_are(browser, okta, demo, ada, monkeypatch):
    link(ada, okta)
    come(browser, okta)
    monkeypatch.setattr(quotas, "MAX_PROOFS", 2)
    prove = {"path": "/accounts/confirm/sso/", "auth_time": int(time.time()) + 1}
    assert [come(browser, okta, **prove).status_code for _ in range(2)] == [302, 429]
    assert len(events("user.confirmed")) == 1


def test_nor_does_who_the_provider_knows_and_nobody_lets_in(browser, okta, demo, monkeypatch):
    """Of a provider that knows everybody, that is anybody."""
    monkeypatch.setattr(quotas, "MAX_REFUSALS", 2)
    stranger = {"sub": "00u-mallory", "email": "mallory@elsewhere.example", "groups": []}
    assert [come(browser, okta, **stranger).status_code for _ in range(4)] == [403] * 4
    assert len(events("user.sign_in_failed")) == 2
    come(browser, okta, **stranger | {"sub": "00u-trudy", "email": "trudy@elsewhere.example"})
    assert len(events("user.sign_in_failed")) == 3
