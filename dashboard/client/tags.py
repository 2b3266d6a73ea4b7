"""The picture of a client's credentials, for templates. dashboard.client.lifeline draws it."""

from collections.abc import Iterable
from typing import Any

from django import template
from django.utils import timezone

from clients.models.credentials import Credential
from dashboard.client import lifeline as lifelines
from dashboard.frame.context import zone_of

register = template.Library()


@register.inclusion_tag("components/lifeline.html", takes_context=True)
def lifeline(context: template.Context, credentials: Iterable[Credential]) -> dict[str, Any]:
    """A picture of the validity of a client's credentials, around now."""
    zone, now = zone_of(context["request"]), timezone.now()
    spans = lifelines.spans_of(credentials, now=now, zone=zone)
    return {"line": lifelines.draw(spans, lifelines.axis_around(spans, now=now, zone=zone), now=now, zone=zone)}
