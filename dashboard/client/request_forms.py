"""The filters for a client's requests. Every field is optional, because people also write a list's URL by hand."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from clients.models import Client, UsageBucket
from clients.outcomes import GRANTED
from clients.periods import floor_hour
from dashboard.frame.credential_names import name_credential

REFUSED, ALL = "refused", "all"
PERIODS = {"1h": ("1 h", timedelta(hours=1)), "24h": ("24 h", timedelta(hours=24)), "7d": ("7 d", timedelta(days=7)), ALL: ("All", None)}
_ENDPOINTS = (("token", "Token"), ("introspection", "Introspection"), ("revocation", "Revocation"), ("api", "API"), ("gateway", "Gateway"))
# The choices of reasons and credentials go back this far.
_LISTED = timedelta(days=30)
_MAX_LISTED = 200


class RequestFilterForm(forms.Form):
    """result: granted, refused, or the reason for a refusal. credential: the ID, as in requests. since: the beginning of the period, None for all."""

    result = forms.CharField(required=False, max_length=40)
    credential = forms.CharField(required=False, max_length=128)
    address = forms.CharField(required=False, max_length=64, label="From address")
    endpoint = forms.CharField(required=False, max_length=16)
    period = forms.CharField(required=False, max_length=8)

    def __init__(self, data: Any, *, client: Client, now: datetime) -> None:
        super().__init__(data)
        self.now = now
        rows = UsageBucket.objects.filter(client=client, hour__gte=floor_hour(now - _LISTED))
        self._used = list(rows.values_list("credential", "outcome").order_by().distinct()[:_MAX_LISTED])

    def clean_address(self) -> str:
        text = str(self.cleaned_data["address"]).strip()
        try:
            return str(ip_address(text)) if text else ""
        except ValueError:
            raise ValidationError(f"{text} isn’t an IP address. Use one such as 203.0.113.5.") from None

    def clean_period(self) -> str:
        period = str(self.cleaned_data["period"])
        return period if period in PERIODS else ALL

    @property
    def since(self) -> datetime | None:
        length = PERIODS[self.cleaned_data.get("period", ALL)][1]
        return None if length is None else self.now - length

    @property
    def is_filtering(self) -> bool:
        return any(self.cleaned_data.get(name) for name in ("result", "credential", "address", "endpoint")) or self.since is not None

    @property
    def results(self) -> Sequence[tuple[str, str]]:
        reasons = sorted({outcome for _, outcome in self._used} - {GRANTED})
        return self._with_chosen("result", [(GRANTED, "Granted"), (REFUSED, "Refused"), *((reason, reason) for reason in reasons)])

    @property
    def credentials(self) -> Sequence[tuple[str, str]]:
        used = sorted({credential for credential, _ in self._used if credential})
        return self._with_chosen("credential", [(credential, _say(credential)) for credential in used])

    @property
    def endpoints(self) -> Sequence[tuple[str, str]]:
        return self._with_chosen("endpoint", list(_ENDPOINTS))

    @property
    def periods(self) -> Sequence[tuple[str, str]]:
        return [(name, label) for name, (label, _) in PERIODS.items()]

    def _with_chosen(self, name: str, choices: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """Adds the value from the URL to the choices if it is missing."""
        chosen = self.cleaned_data.get(name, "")
        return choices if not chosen or chosen in dict(choices) else [*choices, (chosen, _say(chosen) if name == "credential" else chosen)]


def _say(credential: str) -> str:
    return str(name_credential(credential))
