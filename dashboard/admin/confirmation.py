"""The page between choosing an action and doing it. It lists the changes row by row, and what will stop."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from clients.services.announcements import together
from dashboard.admin.read_only import ReadOnlyAdmin
from dashboard.frame.confirmation import require_confirmation

MAX = 100


@dataclass(frozen=True, slots=True)
class Confirmation:
    """question: the heading. explain: returns what happens to one row. act: does it, or raises ValidationError. done: the message afterwards, with {count}."""

    action: str
    question: str
    submit: str
    explain: Callable[[Any], list[str]]
    act: Callable[[Any], object]
    done: str


def confirm(admin: ReadOnlyAdmin, request: HttpRequest, queryset: QuerySet[Any], confirmation: Confirmation) -> HttpResponse | None:
    """Show the page or, if the request comes from it, do the action. The user must have just proved who they are. Returns None to go back to the list.

    The admin calls actions only for POST requests. Raise ReauthenticationRequired, as the dashboard does before the same acts.
    """
    rows = list(queryset[: MAX + 1])
    if len(rows) > MAX:
        admin.message_user(request, f"Nothing was changed: more than {MAX} rows are selected. Select fewer at a time.", messages.ERROR)
        return None
    if "confirmed" in request.POST:
        require_confirmation(request)
        done = unchanged = 0
        with together():
            for row in rows:
                changes = admin.offers(confirmation.action, row)
                try:
                    confirmation.act(row)
                except ValidationError as error:
                    admin.message_user(request, " ".join(error.messages), messages.ERROR)
                else:
                    done, unchanged = done + changes, unchanged + (not changes)
        if done:
            admin.message_user(request, confirmation.done.format(count=done), messages.SUCCESS)
        if unchanged:
            admin.message_user(request, f"Already in that state: {unchanged}.", messages.INFO)
        return None
    context = {
        **admin.admin_site.each_context(request),
        "title": confirmation.question,
        "opts": admin.opts,
        "confirmation": confirmation,
        "rows": [(row, confirmation.explain(row)) for row in rows],
    }
    return TemplateResponse(request, "admin/confirmation.html", context)
