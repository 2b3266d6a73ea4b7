"""Forms for a client's secrets: rotating, adding, and their expiry."""

from datetime import datetime, timedelta, tzinfo
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from clients.duration import parse_duration
from clients.policy import ClientPolicy
from dashboard.client.credentials.forms import expiry
from dashboard.frame.fields import Radios, credential_name
from dashboard.frame.once import OnceForm

DATE = "date"
AT_ONCE = "0"
# The name of the button that redraws the picture without a script.
SHOW = "show"
_HOURS = [("1h", "1 hour"), ("24h", "24 hours"), ("7d", "7 days")]
_FORMAT = "%Y-%m-%dT%H:%M"


class MomentField(forms.DateTimeField):
    """A date and a time in the page's time zone."""

    def __init__(self, zone: tzinfo, **options: Any) -> None:
        widget = forms.DateTimeInput({"type": "datetime-local"}, format=_FORMAT)
        words = {"invalid": "Enter a date and a time, for example 2027-02-14 12:00."}
        super().__init__(required=False, widget=widget, input_formats=[_FORMAT, f"{_FORMAT}:%S", "%Y-%m-%d %H:%M"], error_messages=words, **options)
        self.zone = zone

    def to_python(self, value: Any) -> datetime | None:
        with timezone.override(self.zone):
            return super().to_python(value)

    def prepare_value(self, value: Any) -> Any:
        with timezone.override(self.zone):
            return super().prepare_value(value)


class NewSecretForm(OnceForm):
    """cleaned: name, and lifetime for the services."""

    name = credential_name("Name of the new secret")

    def __init__(self, data: Any = None, *, policy: ClientPolicy, expected: timedelta | None, initial: dict[str, Any] | None = None) -> None:
        """expected: the default lifetime; None as in ClientPolicy.usual_secret_lifetime."""
        self.expected = expected
        super().__init__(data, initial=initial)
        must_be_said = expected is None and policy.demands_secret_expiry
        if must_be_said and not self.initial.get("secret_expiry"):
            self.initial["secret_expiry"] = expiry.default(policy)
        usual = "Never (default)" if expected is None else f"In {_say_days(expected)} (default)"
        others = [choice for choice in expiry.choices_from_now(policy) if expected is not None or must_be_said or choice[0] != expiry.NEVER]
        self.fields["secret_expiry"] = forms.ChoiceField(
            label="Expires",
            required=False,
            choices=[*([] if must_be_said else [("", usual)]), *others],
            error_messages={"invalid_choice": "Choose an expiry from the list."},
        )

    @property
    def lifetime(self) -> timedelta | None:
        """The lifetime for the services; None for the default."""
        chosen = self.cleaned_data.get("secret_expiry")
        return expiry.read_choice(chosen) if chosen else None


class UntilField:
    """A mixin for forms: a choice of lengths, one of which is a date, and the date."""

    fields: dict[str, forms.Field]
    cleaned_data: dict[str, Any]

    def add_until(self, choice: str, label: str, choices: list[tuple[str, str]], *, until: str, now: datetime, zone: tzinfo) -> None:
        self.now = now
        self.choice = choice
        self.fields[choice] = forms.ChoiceField(
            label=label,
            choices=[*choices, (DATE, "Date")],
            widget=Radios,
            error_messages={"required": "Choose a duration.", "invalid_choice": "Choose a duration from the list."},
        )
        self.fields["until"] = MomentField(zone, label=until, help_text=f"In {getattr(zone, 'key', 'UTC')}.")

    def clean_length(self, form: forms.Form, *, since: datetime) -> datetime | None:
        """The chosen time, counted from since; None if there is an error, which this adds."""
        chosen = form.cleaned_data.get(self.choice)
        if chosen is None:
            return None
        if chosen != DATE:
            return since + parse_duration(chosen)
        until: datetime | None = form.cleaned_data.get("until")
        if "until" in form.errors:
            return None
        if until is None:
            form.add_error("until", "Enter a date and time, for example 2027-02-14 12:00.")
        else:
            try:
                expiry.require_ahead(until - self.now)
            except ValidationError as error:
                form.add_error("until", error)
            else:
                return until
        return None


class RotationForm(UntilField, NewSecretForm):
    """cleaned: ends_at, when the old secrets expire; seen, the ID of the newest secret when the page was made, "" if unknown."""

    seen = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)

    def __init__(self, data: Any = None, *, now: datetime, zone: tzinfo, replaces_several: bool = False, **options: Any) -> None:
        super().__init__(data, **options)
        choices = [(AT_ONCE, "End old secrets now" if replaces_several else "End old secret now"), *_HOURS]
        old, until = ("the old", "They work until") if replaces_several else ("both", "Both work until")
        self.add_until("overlap", f"How long should {old} secrets work?", choices, until=until, now=now, zone=zone)

    def clean(self) -> dict[str, Any]:
        return {**self.cleaned_data, "ends_at": self.clean_length(self, since=self.now)}


class ExtensionForm(UntilField, forms.Form):
    """present: the secret's current expiry, from which the choices count. cleaned: ends_at; seen, the expiry when the page was made, None if unknown."""

    seen = forms.DateTimeField(required=False, widget=forms.HiddenInput, error_messages={"invalid": "This page was damaged. Open it again."})

    def __init__(self, data: Any = None, *, present: datetime, now: datetime, zone: tzinfo, initial: dict[str, Any]) -> None:
        super().__init__(data, initial=initial)
        self.present = present
        self.add_until("longer", "How much longer should it work?", _HOURS, until="It works until", now=now, zone=zone)

    def clean(self) -> dict[str, Any]:
        return {**self.cleaned_data, "ends_at": self.clean_length(self, since=self.present)}


def _say_days(lifetime: timedelta) -> str:
    if lifetime == timedelta(days=365):
        return "1 year"
    days = lifetime // timedelta(days=1)
    hours = int(lifetime.total_seconds()) // 3600
    return f"{days:,} days" if days > 1 else f"{hours:,} hour{'s' if hours != 1 else ''}"
