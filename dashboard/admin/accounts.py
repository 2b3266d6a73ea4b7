"""Accounts: view them, disable and enable them, and make them administrators of the instance or not."""

from collections.abc import Callable
from operator import attrgetter
from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from dashboard.admin.confirmation import Confirmation, confirm
from dashboard.admin.read_only import ReadOnlyAdmin
from dashboard.models import User
from dashboard.people import account_status, made_links, second_factors, user_sessions
from dashboard.people.account_status import Ended
from dashboard.people.caller import actor_of
from dashboard.people.notices import tell_by_operator

_OWN = "This is your own account. Nothing changes. Ask another administrator, or run the command."


@admin.register(User)
class UserAdmin(ReadOnlyAdmin):
    list_display = ("email", "name", "is_active", "is_staff", "last_login", "created_at")
    list_filter = ("is_active", "is_staff", "created_at")
    fields = ("email", "name", "is_active", "disabled_at", "is_staff", "is_superuser", "last_login", "created_at")
    secret_fields = ("password",)
    search_fields = ("email__icontains", "name__icontains")
    search_help_text = "Search by part of the email address or name."
    audit_target = ("user", attrgetter("audit_name"))
    actions = ("disable_accounts", "enable_accounts", "promote", "demote")

    def exact_matches(self, term: str) -> list[Q]:
        return [Q(email=term.lower())]

    def get_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Leave out disabled_at if the account is enabled: it stays when an account is enabled again, and the audit log has both times."""
        fields = super().get_fields(request, obj)
        return [name for name in fields if name != "disabled_at"] if obj is not None and obj.is_active else fields

    def offers(self, action: str, row: User) -> bool:
        return {
            "disable_accounts": row.is_active,
            "enable_accounts": not row.is_active,
            "promote": row.is_active and not row.is_staff,
            "demote": row.is_staff,
        }[action]

    @admin.action(description="Disable…")
    def disable_accounts(self, request: HttpRequest, queryset: QuerySet[User]) -> HttpResponse | None:
        now = timezone.now()

        def explain(user: User) -> list[str]:
            if not user.is_active:
                return ["It is already disabled. Nothing changes."]
            if user.pk == request.user.pk:
                return [_OWN]
            links, ownerless = made_links.count_open(user, now=now), account_status.find_ownerless(user)
            return [
                f"Nobody can sign in to it any more, and its {_count_sessions(user)} at once.",
                f"Links that it made, or that were made for it, are withdrawn: {links}." if links else "It has no open invitation or hand-over link.",
                "Memberships, clients and secrets stay. If the person may have a copy of a secret, rotate it.",
                *(f"The workspace {slug} has no other owner who can sign in." for slug in ownerless),
            ]

        done = "Disabled: {count}. Nobody can sign in to them, and their sessions have ended."
        words = ("Disable these accounts?", "Disable", done)
        return self._change(request, queryset, "disable_accounts", words, explain, account_status.disable_account, "disabled")

    @admin.action(description="Enable…")
    def enable_accounts(self, request: HttpRequest, queryset: QuerySet[User]) -> HttpResponse | None:
        def explain(user: User) -> list[str]:
            if user.is_active:
                return ["It is already enabled. Nothing changes."]
            return ["The person can sign in again, and the account's memberships apply again. Earlier sessions and links don't come back."]

        words = ("Enable these accounts?", "Enable", "Enabled: {count}. These people can sign in again.")
        return self._change(request, queryset, "enable_accounts", words, explain, account_status.enable_account, "enabled")

    @admin.action(description="Make administrator…")
    def promote(self, request: HttpRequest, queryset: QuerySet[User]) -> HttpResponse | None:
        def explain(user: User) -> list[str]:
            if user.is_staff:
                return ["It already administers the instance. Nothing changes."]
            return [
                "Under /admin/ it can see every workspace, disable clients and accounts, revoke credentials, and make other administrators.",
                f"Its {_count_sessions(user)}, so the person has to sign in again.",
                *([] if second_factors.has_strong(user) else ["It has no second factor yet. Ask the person to add one."]),
            ]

        words = ("Make these accounts administrators of the instance?", "Make administrator", "New administrators of the instance: {count}.")
        return self._change(request, queryset, "promote", words, explain, account_status.promote, "promoted")

    @admin.action(description="Remove administrator rights…")
    def demote(self, request: HttpRequest, queryset: QuerySet[User]) -> HttpResponse | None:
        def explain(user: User) -> list[str]:
            if not user.is_staff:
                return ["It doesn't administer the instance. Nothing changes."]
            if user.pk == request.user.pk:
                return [_OWN]
            return [f"It can no longer open /admin/, and its {_count_sessions(user)} at once. Its rights in workspaces stay."]

        words = ("Remove these accounts' administrator rights?", "Remove rights", "No longer administrators of the instance: {count}.")
        return self._change(request, queryset, "demote", words, explain, account_status.demote, "demoted")

    def _change(
        self,
        request: HttpRequest,
        queryset: QuerySet[User],
        action: str,
        words: tuple[str, str, str],
        explain: Callable[[User], list[str]],
        service: Callable[..., Ended],
        notice: str,
    ) -> HttpResponse | None:
        """words: the question, submit and done of the Confirmation."""
        now = timezone.now()

        def act(user: User) -> None:
            if user.pk == request.user.pk:
                raise ValidationError(f"The account {user.email} is your own. Ask another administrator, or run the command.", code="own_account")
            if service(user=user, actor=actor_of(request), now=now).has_changed:
                tell_by_operator(notice, user, now=now)

        question, submit, done = words
        return confirm(self, request, queryset, Confirmation(action=action, question=question, submit=submit, explain=explain, act=act, done=done))


def _count_sessions(user: User) -> str:
    """Words such as “3 open sessions end”."""
    count = user_sessions.find_open(user, now=timezone.now()).count()
    return "1 open session ends" if count == 1 else f"{count:,} open sessions end"
