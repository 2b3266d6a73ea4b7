"""The page “Is it us?”, about the parts that this instance needs to issue tokens, measured now."""

from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from clients import response_times
from dashboard.frame.context import zone_of
from dashboard.frame.fragments import render_page_or_fragment
from dashboard.frame.moment import say_length
from dashboard.health import report
from dashboard.models import Membership
from dashboard.people.permissions import Permission, may, member
from dashboard.usage import time_chart

SHOWN = timedelta(hours=1)
EVERY = 10


@member(Permission.VIEW)
def health(request: HttpRequest, membership: Membership) -> HttpResponse:
    now, zone = timezone.now(), zone_of(request)
    rows = report.report(now)
    series, total = response_times.measure_times(endpoint="token", length=SHOWN, now=now)
    context = {
        "now": now,
        "every": EVERY,
        "rows": rows,
        "verdict": report.judge(rows),
        "states": report.states(rows),
        "sees_details": may(membership, Permission.SEE_HEALTH),
        "chart": time_chart.draw(series, total, zone=zone),
        "total": total,
        "version": report.version(),
        "up_said": say_length(now - report.STARTED_AT),
    }
    return render_page_or_fragment(request, "health/health.html", "health/report.html", context)
