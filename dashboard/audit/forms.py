"""The filters for audit events. Every field is optional, because people also write a list's URL by hand."""

from datetime import date, datetime, time, timedelta, tzinfo
from ipaddress import ip_address
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from clients.models import Workspace
from dashboard.audit.events import Filters
from dashboard.audit.words import actions
from dashboard.models import Membership
from dashboard.people.names import tell_apart

MAX_PEOPLE = 200
PERIODS = {"24h": ("24 h", timedelta(hours=24)), "7d": ("7 d", timedelta(days=7)), "30d": ("30 d", timedelta(days=30))}
DEFAULT_PERIOD = "7d"
ALL, DATES = "all", "dates"
# Days whose beginning and end exist in every time zone. No event is before the first or after the last.
_FIRST, _LAST = date(1970, 1, 1), date(9999, 12, 29)
_KINDS = [("client", "Any client"), ("system", "TokenOS"), ("command", "Commands"), ("hand-over", "Hand-over links")]
_DATE = "Enter a date, for example 2026-11-24."


def _date(label: str) -> forms.DateField:
    return forms.DateField(label=label, required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"), error_messages={"invalid": _DATE})


class AuditFilterForm(forms.Form):
    q = forms.CharField(required=False, max_length=254, label="Search events", error_messages={"max_length": "A search can have at most 254 characters."})
    person = forms.CharField(required=False, max_length=254)
    action = forms.CharField(required=False, max_length=64)
    client = forms.CharField(required=False, max_length=64)
    address = forms.CharField(required=False, max_length=64)
    period = forms.CharField(required=False, max_length=8)
    since = _date("From")
    until = _date("To")

    def __init__(self, data: Any, *, workspace: Workspace, zone: tzinfo, now: datetime) -> None:
        super().__init__(data)
        self.workspace, self.zone, self.now = workspace, zone, now
        members = Membership.objects.filter(workspace=workspace).select_related("user").order_by("user__name", "user__email")[:MAX_PEOPLE]
        self.people = [(f"user:{pk}", name) for pk, name in tell_apart(member.user for member in members).items()] + _KINDS
        self.actions = actions()
        self.periods = [(name, label) for name, (label, _) in PERIODS.items()] + [(ALL, "All"), (DATES, "Dates")]

    def clean_address(self) -> str:
        text = str(self.cleaned_data["address"])
        try:
            return str(ip_address(text)) if text else ""
        except ValueError:
            raise ValidationError(f"{text} isn’t an IP address. Use one such as 203.0.113.5.") from None

    def clean_period(self) -> str:
        period = str(self.cleaned_data["period"])
        return period if period in {name for name, _ in self.periods} else DEFAULT_PERIOD

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        since, until = cleaned.get("since"), cleaned.get("until")
        if since and until and since > until:
            self.add_error("until", "The period ends before it begins. Choose a later day.")
        return cleaned

    @property
    def chosen_period(self) -> str:
        return str(self.cleaned_data.get("period") or DEFAULT_PERIOD)

    @property
    def other_person(self) -> str:
        """The requested actor if it isn't in the list of choices, such as a single client; "" for none."""
        person = str(self.cleaned_data.get("person", ""))
        return person if person and person not in dict(self.people) else ""

    @property
    def filters(self) -> Filters:
        """The filters from the valid fields."""
        cleaned = self.cleaned_data
        since, until = self._limits()
        return Filters(
            text=cleaned.get("q", ""),
            actor=cleaned.get("person", ""),
            event=cleaned.get("action", ""),
            client=cleaned.get("client", ""),
            address=cleaned.get("address", ""),
            since=since,
            until=until,
        )

    def _limits(self) -> tuple[datetime | None, datetime | None]:
        period = self.chosen_period
        if period in PERIODS:
            return self.now - PERIODS[period][1], None
        if period == ALL:
            return None, None
        since, until = self.cleaned_data.get("since"), self.cleaned_data.get("until")
        return self._beginning_of(since), self._beginning_of(until, days=1)

    def _beginning_of(self, day: date | None, *, days: int = 0) -> datetime | None:
        return None if day is None else datetime.combine(min(max(day, _FIRST), _LAST) + timedelta(days=days), time(), self.zone)

    @property
    def said_period(self) -> str:
        """The period in words, which follow “184 events”."""
        period = self.chosen_period
        if period in PERIODS:
            return {"24h": "in the last 24 hours", "7d": "in the last 7 days", "30d": "in the last 30 days"}[period]
        since, until = self.cleaned_data.get("since"), self.cleaned_data.get("until")
        if period == ALL or not (since or until):
            return "in all"
        return " ".join(f"{word} {day.day} {day:%b %Y}" for word, day in (("from", since), ("to", until)) if day)
