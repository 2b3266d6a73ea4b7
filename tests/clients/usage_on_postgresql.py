"""A program: what clients did, gathered, written twice and asked for, on the database of DATABASE_URL. Prints the answers, as JSON."""

import json
import sys
from datetime import timedelta

from django.utils import timezone

from clients import usage_report, workspace_usage
from clients.models import Client, ClientActivity, RecordedRequest, ResponseTime, ScopeUse
from clients.most_used import clients_of, most_used_addresses, most_used_scopes
from clients.periods import DAY, PERIODS
from clients.services import usage
from clients.services.activity import correct_counts
from clients.services.gathered import GrantedKey, RefusedKey
from clients.services.usage_summaries import make_summaries
from clients.workspace_usage import Selection
from tests import factories

now = timezone.now()
second = int(now.timestamp())
workspace = factories.create_workspace("demo")
new = factories.create_client(workspace, now=now - timedelta(days=30))
client = new.secret.client
gone = factories.create_client(workspace).secret.client


def record(of, address, at=now):
    whose = (of.pk, workspace.pk, "live", new.secret.secret_id, "token")
    key = GrantedKey(*whose, address, ("read", "write"), True, True, second // 60, second // 60 + 60)
    usage.record_granted(key, request_id="r", elapsed=lambda: None, now=at)
    usage.record_refused(RefusedKey(*whose, "wrong_secret", second // 3600))


for _ in range(2):
    for age, address in ((2, "203.0.113.7"), (1, "2001:db8::1"), (3, "")):
        record(client, address, at=now - timedelta(seconds=age))
    record(gone, "203.0.113.7")
    # More than its column holds: without that row all others are written.
    endless = GrantedKey(client.pk, workspace.pk, "live", "", "api", "", (), False, False, second // 60, 0)
    usage.record_granted(endless, request_id="endless", elapsed=lambda: 2**31, now=now - timedelta(seconds=9))
    usage.record_time("token", 0.004, now, is_failure=False)
    Client.objects.filter(pk=gone.pk).delete()
    usage.flush()
ClientActivity.objects.filter(client=client).update(granted_24h=999, refused_7d=5)
corrected = [correct_counts(period, now=now) for period in PERIODS.values()]
make_summaries(DAY, now=now)
selection = Selection(workspace, DAY)
totals = workspace_usage.count_totals(selection, now=now)
activity = workspace_usage.find_activity(selection, limit=10)
shares = workspace_usage.count_shares([client.pk], DAY, now=now)
json.dump(
    {
        "activity": list(ClientActivity.objects.values_list("granted_24h", "refused_24h", "granted_7d", "refused_7d", "last_used_from")),
        "corrected": corrected,
        "requests": sorted({str(row.address) for row in RecordedRequest.objects.filter(status=200, microseconds=None)}),
        "scopes": list(ScopeUse.objects.values_list("scope", "granted", "asked").order_by("scope")),
        "times": list(ResponseTime.objects.values_list("limit_ms", "count")),
        "living": usage_report.count_living_tokens(client, now=now),
        "addresses": sorted((use.address, use.count) for use in usage_report.addresses_of(client, since=now - timedelta(days=1), now=now)),
        "hour": usage_report.hourly(client, hours=1, now=now)[0].granted,
        "spark": usage_report.granted_by_hour([client.pk], hours=1, now=now)[client.pk],
        "totals": [totals.granted, totals.refused, totals.failed, len(totals.slots)],
        "asked": [activity.asked, activity.clients],
        "shares": sorted((outcome, share.count, share.before) for (_, outcome), share in shares.items()),
        "most_used": [len(most_used_scopes(clients_of(workspace, ""), DAY, now=now)), len(most_used_addresses(clients_of(workspace, ""), DAY, now=now))],
    },
    sys.stdout,
)
