"""Noticing from where a client is used for the first time, for lists of clients: to ask that of all addresses of all clients anew takes too long for a page."""

from datetime import date, datetime, timedelta

from django.db.models import Exists, OuterRef

from clients.models import AddressUse, Client, ClientActivity
from clients.usage_report import NEW_FOR

# A day's last uses are written, and looked at, a little after it has ended.
_LATE = timedelta(hours=1)


def note_new_addresses(*, now: datetime) -> int:
    """Note in ClientActivity, of live clients that are older than NEW_FOR, which address of today was never seen before. Returns how many clients got one.

    Of several on one day one stands for all, always the same, so that its moment stays.
    """
    noted = 0
    for day in sorted({(now - _LATE).date(), now.date()}):
        for client, address in _first_uses(day, now=now).items():
            rows = ClientActivity.objects.filter(client=client).exclude(new_address=address, new_address_at__isnull=False)
            noted += rows.update(new_address=address, new_address_at=now)
    return noted


def _first_uses(day: date, *, now: datetime) -> dict[int, str]:
    """Addresses by the primary keys of clients."""
    before = AddressUse.objects.filter(client=OuterRef("client"), address=OuterRef("address"), day__lt=OuterRef("day"))
    rows = AddressUse.objects.filter(day=day, client__environment=Client.Environment.LIVE, client__created_at__lt=now - NEW_FOR)
    return dict(rows.exclude(Exists(before)).order_by("-address").values_list("client_id", "address"))
