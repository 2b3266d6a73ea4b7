"""The admin shows everything but secrets, and changes nothing by itself."""

import itertools
from datetime import timedelta

import pytest
from django.apps import apps
from django.contrib import admin as django_admin
from django.contrib.admin.models import LogEntry
from django.test import RequestFactory
from django.urls import reverse
from django.utils import timezone

from clients.models import (
    AddressUse,
    Audience,
    AuditEvent,
    Client,
    ClientActivity,
    HandOver,
    RecordedRequest,
    ResponseTime,
    ScopeUse,
    TokenCount,
    UsageBucket,
    UsageSummary,
    WorkspaceUsage,
)
from dashboard.models import AccessPolicy, ExpiryNotice, Invitation, Membership, ScheduledJob, SpentForm
from oauth.models import FailureCount, ForgottenJWTs, ReplayFloor, RevokedToken, UsedJWT
from tests import factories
from tests.dashboard.conftest import create_certificate, create_public_key, make_certificate

MODELS = [model for label in ("clients", "oauth", "dashboard") for model in apps.get_app_config(label).get_models()]
SITE = django_admin.site

# Whatever only a database dump may show: columns by model.
SECRETS = {
    "clientsecret": ["hash", "digest"],
    "signingkey": ["private_key"],
    "user": ["password"],
    "invitation": ["token_digest"],
    "handover": ["token_digest"],
}


def list_url(model):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def row_url(row, page="change"):
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_{page}", args=[row.pk])


@pytest.fixture
def rows(billing, signing_key, olga, now):
    """At least one row of every model."""
    client = billing.secret.client
    UsageBucket.objects.create(client=client, credential=billing.secret.secret_id, endpoint="token", outcome="granted", hour=now, count=3)
    RecordedRequest.objects.create(
        client=client, workspace=client.workspace, request_id="f" * 32, endpoint="token", status=401, error="invalid_client", created_at=now
    )
    RevokedToken.objects.create(jti="j" * 22, client=client, expires_at=now, revoked_at=now)
    FailureCount.objects.create(key="203.0.113.9", failures=3, window_ends=int(now.timestamp()) + 60)
    ScheduledJob.objects.create(name="prune", next_run_at=now)
    create_public_key(client)
    create_certificate(client)
    AccessPolicy.objects.create(workspace=client.workspace)
    Invitation.objects.create(
        workspace=client.workspace, email="jonas@example.com", role="viewer", token_digest="d" * 64, created_at=now, expires_at=now + timedelta(days=7)
    )
    UsedJWT.objects.create(key=1, expires_at=int(now.timestamp()) + 60)
    AddressUse.objects.create(client=client, credential=billing.secret.secret_id, address="203.0.113.9", day=now.date(), count=3, last_used_at=now)
    ScopeUse.objects.create(client=client, scope="read", day=now.date(), granted=3, asked=1)
    TokenCount.objects.create(client=client, credential=billing.secret.secret_id, expires_at=now, count=3)
    UsageSummary.objects.create(workspace=client.workspace, period="24h", made_at=now)
    WorkspaceUsage.objects.create(workspace=client.workspace, environment="live", endpoint="token", outcome="granted", hour=now, count=3)
    Audience.objects.create(workspace=client.workspace, key="https://api.example.com/", uri="https://api.example.com", created_at=now)
    ClientActivity.objects.get_or_create(client=client, defaults={"workspace": client.workspace})
    ResponseTime.objects.create(slot=now, endpoint="token", limit_ms=5, is_failure=False, count=3)
    HandOver.objects.create(client=client, token_digest="h" * 64, created_at=now, created_by="system", expires_at=now + timedelta(days=1))
    SpentForm.objects.create(token="t" * 43, user=olga, made=client.client_id, created_at=now)
    ExpiryNotice.objects.create(credential=f"{client.client_id} {billing.secret.secret_id}", step=86400, ends_at=now, created_at=now)
    ForgottenJWTs.objects.create(pk=ForgottenJWTs.ROW, ends_before=int(now.timestamp()) - 3600)
    ReplayFloor.objects.create(boot_id="b" * 36, began_at=int(now.timestamp()))
    return {model: model._default_manager.order_by("pk").first() for model in MODELS}


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize("model", MODELS)
class TestEveryModel:
    @pytest.mark.long
    def test_has_a_list_that_can_be_searched_and_filtered_and_a_page_for_each_row_without_secrets(self, admin, olga, rows, model, billing):
        row = rows[model]
        page = admin.get(list_url(model))
        text = page.content.decode()
        assert page.status_code == 200
        assert 'id="searchbar"' in text
        assert 'id="changelist-filter"' in text
        assert " · TokenOS</title>" in text
        changelist = page.context["cl"]
        choices = [choice["query_string"] for spec in changelist.filter_specs for choice in spec.choices(changelist)]
        assert len(choices) > len(changelist.filter_specs) > 0
        found = {}
        for query in ("?q=nothing+like+this", *choices):
            request = RequestFactory().get(list_url(model) + query)
            request.user = olga
            found[query] = list(SITE.get_model_admin(model).get_changelist_instance(request).result_list)
        assert found.pop("?q=nothing+like+this") == []
        assert row in itertools.chain(*found.values())
        page = admin.get(row_url(row))
        assert page.status_code == 200
        assert 'name="_save"' not in page.content.decode()
        names = SECRETS.get(model._meta.model_name, [])
        for value in [*(getattr(row, name) for name in names), billing.plaintext, "argon2", "$m=", "field-hash", "field-password"]:
            assert value not in text
            assert value not in page.content.decode()
        for name in names:
            assert admin.get(list_url(model), {f"{name}__startswith": "x"}).status_code == 400

    @pytest.mark.long
    def test_nobody_can_add_change_or_delete(self, admin, rows, model):
        row = rows[model]
        before = list(model._default_manager.order_by("pk").values())
        for url in (reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_add"), row_url(row, "delete"), row_url(row)):
            assert admin.post(url, {"post": "yes", "name": "changed"}).status_code == 403
        admin.post(list_url(model), {"action": "delete_selected", "_selected_action": row.pk, "post": "yes"})
        assert list(model._default_manager.order_by("pk").values()) == before

    def test_strangers_and_members_see_nothing(self, browser, rows, model, ada):
        for url in (list_url(model), row_url(rows[model])):
            assert browser.get(url)["Location"].startswith("/admin/login/")
        browser.force_login(ada)
        assert browser.get(list_url(model))["Location"].startswith("/admin/login/")


def test_no_filter_reaches_secrets_of_other_tables(admin, rows):
    for lookup in ("client__secrets__hash__startswith", "client__workspace__memberships__user__password__startswith"):
        assert admin.get(list_url(RecordedRequest), {lookup: "x"}).status_code == 400
    assert admin.get(list_url(Membership), {"user__password__startswith": "x"}).status_code == 400


def test_superusers_cant_either(admin, olga):
    assert olga.is_superuser
    model_admin = SITE.get_model_admin(Client)
    assert not any(getattr(model_admin, f"has_{right}_permission")(None) for right in ("add", "change", "delete"))


def test_only_our_own_models_are_there():
    assert {model._meta.label for model in SITE._registry} == {model._meta.label for model in MODELS}


def test_the_start_page_lists_them_and_a_row_that_is_not_found_leads_there(admin):
    text = admin.get("/admin/").content.decode()
    assert "<title>Instance · TokenOS</title>" in text
    assert "Recent actions" not in text
    assert admin.get("/admin/clients/client/999999999999999999999/change/").status_code == 302


@pytest.mark.usefixtures("rows")
class TestHistory:
    @pytest.mark.long
    def test_is_the_audit_log_of_every_row_that_services_write_and_other_rows_have_none(self, admin, rows, billing):
        for row in rows.values():
            if row._meta.model_name in ("workspace", "client", "clientsecret", "clientpublickey", "clientcertificate", "signingkey", "user"):
                response = admin.get(row_url(row, "history"), follow=True)
                assert response.context["cl"].result_count >= 1
        response = admin.get(row_url(billing.secret.client, "history"), follow=True)
        assert [event.event for event in response.context["cl"].result_list] == ["client.created"]
        job = ScheduledJob.objects.get()
        assert "historylink" not in admin.get(row_url(job)).content.decode()
        assert admin.get(row_url(job, "history")).status_code == 404
        assert admin.get("/admin/clients/client/999999/history/").status_code == 404
        # Django's own log is never written.
        admin.post(list_url(Client), {"action": "disable_clients", "_selected_action": billing.secret.client_id, "confirmed": "yes"})
        assert AuditEvent.objects.filter(event="client.disabled").exists()
        assert not LogEntry.objects.exists()

    @pytest.mark.long
    def test_is_of_the_client_s_own_key_where_another_one_has_the_same_id(self, admin, billing, demo):
        another = factories.create_client(demo, name="other").secret.client
        pem = make_certificate()
        for create, same in ((create_public_key, {"kid": "one"}), (create_certificate, {"pem": pem})):
            mine = create(billing.secret.client, **same)
            create(another, **same)
            response = admin.get(row_url(mine, "history"), follow=True)
            assert [event.after["client_id"] for event in response.context["cl"].result_list] == [billing.secret.client.client_id]


@pytest.mark.long
def test_states_and_the_kind_of_a_clients_subject_are_shown_in_words(admin, billing, signing_key):
    billing.secret.client.tls_subject_type, billing.secret.client.tls_subject = Client.TLSSubjectType.SAN_DNS, "billing.example.com"
    billing.secret.client.save()
    assert "DNS name" in admin.get(row_url(billing.secret.client)).content.decode()
    for state, field in (("usable", ""), ("expired", "expires_at"), ("revoked", "revoked_at")):
        if field:
            setattr(billing.secret, field, timezone.now())
            billing.secret.save()
        assert state in admin.get(row_url(billing.secret)).content.decode()
    assert "active" in admin.get(row_url(signing_key)).content.decode()
