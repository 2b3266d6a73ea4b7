"""Notes the first use of a client from an address, for lists of clients: a page can't look through all addresses of all clients."""

from datetime import date, datetime, timedelta

from django.db.models import Exists, OuterRef

from clients.models import AddressUse, Client, ClientActivity
from clients.usage_report import NEW_FOR

# A day's last uses are written, and read here, a little after the day has ended.
_LATE = timedelta(hours=1)


def note_new_addresses(*, now: datetime) -> int:
    """For live clients older than NEW_FOR, note in ClientActivity which of today's addresses was never seen before. Returns the number of such clients.

    If there are several on one day, only one is noted: always the same one, so that its time stays.
    """
    noted = 0
    for day in sorted({(now - _LATE).date(), now.date()}):
        for client, address in _first_uses(day, now=now).items():
            rows = ClientActivity.objects.filter(client=client).exclude(new_address=address, new_address_at__isnull=False)
            noted += rows.update(new_address=address, new_address_at=now)
    return noted


def _first_uses(day: date, *, now: datetime) -> dict[int, str]:
    """The new addresses by the primary keys of clients."""
    before = AddressUse.objects.filter(client=OuterRef("client"), address=OuterRef("address"), day__lt=OuterRef("day"))
    rows = AddressUse.objects.filter(day=day, client__environment=Client.Environment.LIVE, client__created_at__lt=now - NEW_FOR)
    return dict(rows.exclude(Exists(before)).order_by("-address").values_list("client_id", "address"))
