"""/w/<workspace>/settings/: name and policies. A stricter policy is a report first, and nothing changes until it is enforced."""

from datetime import timedelta

import pytest
from django.utils import timezone

from clients.models import AuditEvent, Client, ClientSecret, Workspace
from clients.services.workspaces import change_workspace
from dashboard.models import AccessPolicy, Membership
from tests import factories
from tests.dashboard.conftest import text_of
from tests.dashboard.credentials.test_notices import sent
from tests.dashboard.settings.conftest import ALL_METHODS, SETTINGS, changes, entries

PREVIEW = SETTINGS + "preview/"
REPORT = SETTINGS + "report/"


def save(browser, **values):
    return browser.post(SETTINGS, {**entries(browser), **values})


def demand(demo, **values):
    """Policies that hold already."""
    change_workspace(workspace=demo, **values, actor=factories.TESTS, now=timezone.now())


def enforce(browser, **values):
    """Save, look at the report, and press its button."""
    response = save(browser, **values)
    assert response.status_code == 302, text_of(response)
    assert response["Location"].startswith(PREVIEW + "?")
    page = browser.get(response["Location"])
    return browser.post(PREVIEW, entries(browser, response["Location"]), follow=True), page


def test_admin_renames_the_workspace_at_once(dans, demo):
    response = dans.post(SETTINGS, {**entries(dans), "name": " Demo & Söhne 🎉 "}, follow=True)
    assert "Saved." in text_of(response)
    assert "Demo & Söhne 🎉" in text_of(response)
    assert Workspace.objects.get().name == "Demo & Söhne 🎉"
    assert changes() == [({"name": "Demo"}, {"name": "Demo & Söhne 🎉"})]
    assert AuditEvent.objects.get(event="workspace.changed").actor.startswith("user:")


def test_viewer_sees_the_settings_and_who_can_change_them(bens, demo, dan):
    demo = change_workspace(workspace=demo, max_secret_lifetime_days=90, allowed_auth_methods=["private_key_jwt"], actor=factories.TESTS, now=timezone.now())
    page = bens.get(SETTINGS)
    assert "Maximum secret lifetime 90 days" in text_of(page)
    assert "Allowed methods private_key_jwt" in text_of(page)
    assert "You are a viewer." in text_of(page)
    assert b'<button type="submit" class="btn main' not in page.content
    assert bens.post(SETTINGS, {"name": "Bens"}).status_code == 403
    assert bens.get(PREVIEW).status_code == 403
    assert bens.post(PREVIEW, {"name": "Bens"}).status_code == 403
    assert bens.get(REPORT).status_code == 200
    assert bens.post(REPORT, {"days": "1"}).status_code == 403
    assert not changes()


def test_to_other_workspaces_people_nothing_is_there_and_strangers_are_led_to_the_sign_in(browser, eves):
    pages = ("", "preview/", "report/", "scopes/", "scopes/1/", "scopes/1/remove/", "audiences/", "audiences/remove/?uri=x")
    for page in (*pages, "retention/", "retention/preview/", "delete/", "delete/keep/"):
        assert eves.get(SETTINGS + page).status_code == eves.post(SETTINGS + page).status_code == 404
    assert browser.get(SETTINGS)["Location"].startswith("/accounts/sign-in/?next=/w/demo/settings/")


# Stricter policies


def test_stricter_policy_is_a_report_first_and_nothing_has_changed(adas, demo, billing):
    factories.create_secret(billing.secret.client, lifetime=timedelta(days=10))
    factories.create_secret(billing.secret.client, lifetime=timedelta(days=400))
    response = save(adas, max_secret_lifetime_days="90", requires_secret_expiry="on")
    page = text_of(adas.get(response["Location"]))
    assert "Nothing has changed yet" in page
    assert "2 secrets have no expiry, or expire later than a new one could" in page
    assert billing.secret.secret_id in page
    assert "no expiry" in page
    workspace = Workspace.objects.get()
    assert (workspace.max_secret_lifetime_days, workspace.requires_secret_expiry, changes()) == (None, False, [])


@pytest.mark.long
def test_enforced_policy_holds_from_then_on_and_is_one_event_and_a_loosened_one_is_saved_at_once(adas, demo, billing):
    """Shorter tokens leave nothing that anybody has to mend."""
    enforce(adas, max_token_lifetime="600", requires_second_factor="")
    assert "comply with the policies" not in text_of(adas.get(SETTINGS))
    stricter = {"max_secret_lifetime_days": "90", "live_clients_from": "admin", "allowed_auth_methods": ALL_METHODS[:3]}
    response, page = enforce(adas, **stricter)
    assert "1 secret has no expiry" in text_of(page)
    assert "Saved." in text_of(response)
    demo = Workspace.objects.get()
    assert (demo.max_secret_lifetime_days, demo.max_token_lifetime, AccessPolicy.objects.get().live_clients_from) == (90, 600, "admin")
    assert changes() == [
        ({"max_token_lifetime": None}, {"max_token_lifetime": 600}),
        (
            {"allowed_auth_methods": [], "max_secret_lifetime_days": None, "live_clients_from": "developer"},
            {"allowed_auth_methods": ALL_METHODS[:3], "max_secret_lifetime_days": 90, "live_clients_from": "admin"},
        ),
    ]
    client = factories.create_client(demo, name="later").secret.client
    assert client.token_lifetime == 600
    assert client.secrets.get().lifetime == 90 * 86400
    assert save(adas, max_secret_lifetime_days="", allowed_auth_methods=ALL_METHODS)["Location"] == SETTINGS
    demo.refresh_from_db()
    assert (demo.max_secret_lifetime_days, demo.allowed_auth_methods) == (None, [])


def test_report_names_what_each_policy_touches(adas, demo, ben, dan, settings):
    factories.create_client(demo, name="old-sync", now=timezone.now() - timedelta(days=40))
    factories.create_client(demo, name="by-post", auth_methods=["client_secret_post"])
    response = save(
        adas,
        allowed_auth_methods=["client_secret_basic"],
        max_token_lifetime="1800",
        disable_unused_after_days="30",
        requires_secret_expiry="on",
        live_clients_from="owner",
        requires_second_factor="on",
    )
    page = text_of(adas.get(response["Location"]))
    for said in (
        "2 clients allow a method that is no longer allowed", "by-post", "2 clients have a longer token lifetime than the policy allows", "3,600 s",
        "1 client has been unused for longer than the policy allows", "old-sync", "2 secrets have no expiry",
        "1 member loses the right to create live clients", "dan@example.com",
        "3 members have no second factor", "ben@example.com",
    ):  # fmt: skip
        assert said in page
    assert not AccessPolicy.objects.exists()


@pytest.mark.long
def test_long_lists_have_pages_the_settings_go_along_and_the_page_needs_few_statements(adas, demo, django_assert_max_num_queries):
    page = adas.get(save(adas, allowed_auth_methods=ALL_METHODS[1:])["Location"])
    assert f"Allowed methods {ALL_METHODS[0]} 0 clients" in text_of(page)
    for number in range(21):
        factories.create_client(demo, name=f"sync-{number:02}")
    response = save(adas, requires_secret_expiry="on", allowed_auth_methods=["client_secret_basic", "private_key_jwt"])
    first = adas.get(response["Location"])
    assert "1 to 20 of 21" in text_of(first)
    following = next(finding.next for finding in first.context["findings"] if finding.key == "secrets")
    second = adas.get(PREVIEW + following)
    secrets = next(finding for finding in second.context["findings"] if finding.key == "secrets")
    assert [row.name for row in secrets.rows] == ["sync-20"]
    assert next(finding for finding in second.context["findings"] if finding.key == "methods").page.number == 1
    adas.post(PREVIEW, entries(adas, PREVIEW + following))
    assert Workspace.objects.get().allowed_auth_methods == ["client_secret_basic", "private_key_jwt"]
    with django_assert_max_num_queries(12):
        adas.get(SETTINGS)


def test_two_people_who_save_at_once_dont_undo_each_other(adas, dans, demo):
    adas_form, dans_form = entries(adas), entries(dans)
    dans.post(SETTINGS, {**dans_form, "name": "Dan's"})
    page = adas.post(SETTINGS, {**adas_form, "default_secret_lifetime_days": "30"}, follow=True)
    assert "Somebody else has changed these settings in the meantime." in text_of(page)
    demo = Workspace.objects.get()
    assert (demo.name, demo.default_secret_lifetime_days) == ("Dan's", None)


# What doesn't comply with the policies


@pytest.mark.long
def test_the_page_lists_what_breaks_the_policies_and_sets_an_expiry_date(adas, demo, billing):
    demand(demo, max_secret_lifetime_days=90)
    assert "1 item doesn’t comply with the policies." in text_of(adas.get(SETTINGS))
    assert "1 secret has no expiry" in text_of(adas.get(REPORT))
    for days in ("", "0", "-1", "91", "1e3", "x" * 100_000, "\0", "٣٠٠", "999999999999999999999"):
        page = adas.post(REPORT, {"days": days})
        assert page.status_code == 200, days
        assert "Enter a whole number of days from 1 to 90." in text_of(page)
        assert "<title>Error: " in " ".join(page.content.decode().split())
        assert ClientSecret.objects.get().expires_at is None
    before = timezone.now()
    page = adas.post(REPORT, {"days": "30"}, follow=True)
    assert "1 secret will expire in 30 days." in text_of(page)
    secret = ClientSecret.objects.get()
    assert before + timedelta(days=30) <= secret.expires_at <= timezone.now() + timedelta(days=30)
    assert changes("secret.changed") == [({"expires_at": None}, {"expires_at": secret.expires_at.isoformat()})]
    assert "aren’t as" not in text_of(adas.get(SETTINGS))


def test_owners_of_clients_hear_that_their_secrets_expire(adas, demo, billing):
    factories.create_client(demo, name="second")
    Client.objects.update(contact="payments@example.com")
    adas.post(REPORT, {"days": "30"})
    [message] = sent()
    assert (message.to, message.subject) == (["payments@example.com"], "An expiry date was set for secrets: 2 clients in Demo")


# Bad input


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (
            {"name": "", "allowed_auth_methods": [], "max_token_lifetime": "59", "disable_unused_after_days": "401", "live_clients_from": "viewer"},
            [
                *("Enter a name, for example Billing.", "Allow at least one method.", "Enter a whole number of seconds from 60 to 86,400"),
                *("Enter a whole number of days from 7 to 400", "Choose developers, admins or owners."),
            ],
        ),
        ({"name": "x" * 100_000, "allowed_auth_methods": ["none"]}, ["A name can have at most 100 characters.", "That isn’t a method."]),
        ({"default_secret_lifetime_days": "ninety"}, ["Enter a whole number of days from 1 to 36,500, or leave it empty."]),
        ({"name": "\u202eevil", "default_secret_lifetime_days": "0"}, ["invisible character", "Enter a whole number of days from 1 to 36,500"]),
        ({"default_secret_lifetime_days": "91"}, ["The default can’t be longer than the maximum of 90 days."]),
        ({"name": "a\0b", "max_secret_lifetime_days": "9" * 100_000}, ["Null characters are not allowed.", "Enter a whole number of days from 1 to 36,500"]),
        ({"seen": ""}, ["This page was open too long."]),
    ],
)
def test_bad_values_are_refused_with_what_would_be_right(adas, demo, values, said):
    page = save(adas, **{"max_secret_lifetime_days": "90", **values})
    assert page.status_code == 200
    assert [words for words in said if words not in text_of(page)] == []
    assert "Nothing was changed." in text_of(page)
    assert "<title>Error: " in " ".join(page.content.decode().split())
    assert not changes()
    assert adas.get(PREVIEW, values).status_code == 200


def test_what_was_sent_without_saying_what_was_seen_can_be_saved_after_a_look(adas, demo):
    page = save(adas, name="Billing", seen="")
    assert "Check the settings and save them again." in text_of(page)
    save(adas, name="Billing", seen=page.context["form"]["seen"].value())
    demo.refresh_from_db()
    assert demo.name == "Billing"


def test_unused_for_longer_than_usage_is_kept_is_refused(adas, demo, settings):
    settings.USAGE_RETENTION_DAYS = 20
    response = save(adas, disable_unused_after_days="30")
    page = adas.post(PREVIEW, entries(adas, response["Location"]))
    assert "The instance keeps usage for 20 days" in text_of(page)
    assert Workspace.objects.get().disable_unused_after_days is None


def test_neither_slug_nor_a_field_that_the_page_hasnt_can_be_changed_nor_anything_by_who_was_removed(adas, ada, demo):
    form = entries(adas)
    assert "single sign-on" not in text_of(adas.get(SETTINGS))
    adas.post(SETTINGS, {**form, "slug": "other", "deletes_at": "2020-01-01", "request_retention_days": "30", "requires_sso": "on", "name": "New"})
    demo = Workspace.objects.get()
    assert (demo.slug, demo.deletes_at, demo.request_retention_days, demo.name) == ("demo", None, None, "New")
    assert not AccessPolicy.objects.filter(requires_sso=True).exists()
    form = entries(adas)
    Membership.objects.filter(user=ada).delete()
    assert adas.post(SETTINGS, {**form, "name": "Newer"}).status_code == 404
