"""Parts of pages that several templates use. Their markup is in templates/components/."""

import hashlib
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Any

from django import template
from django.forms import BoundField, Form
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import get_text_list

from dashboard.frame import moment as moments
from dashboard.frame.context import zone_name, zone_of
from dashboard.models import Membership
from dashboard.people.permissions import Permission, may, who_can

register = template.Library()


@register.simple_tag
@cache
def icon(name: str) -> SafeString:
    """An icon beside a word that says the same. name: an ID in static/img/icons.svg."""
    return format_html('<svg class="i" aria-hidden="true"><use href="{}#{}"/></svg>', static("img/icons.svg"), name)


@register.simple_tag
def cut(client_id: str, size: str = "") -> SafeString:
    """The key-blade picture by which people recognise a client before they read its name, which is always beside it. size: "", "sm" or "big"."""
    digest = hashlib.sha256(client_id.encode()).digest()
    teeth = "".join(f"V{19 + 2.2 * (byte % 4):g}h-3.5" for byte in digest[:6])
    path = f"M4 11H25.5L29 14.5 26 17.5{teeth}V11z"
    return format_html('<svg class="cut {} h{}" viewBox="0 0 32 36" aria-hidden="true"><path d="{}" /></svg>', size, digest[7] % 6, path)


@register.simple_tag(takes_context=True)
def client_url(context: template.Context, page: str, client_id: str) -> str:
    """The URL of a client's page in the page's workspace. It takes a tenth of the time of {% url %}, because lists have hundreds of them."""
    before, after = _around_client_id(page, context["membership"].workspace.slug)
    return f"{before}{client_id}{after}"


@lru_cache(maxsize=1000)
def _around_client_id(page: str, workspace: str) -> tuple[str, str]:
    placeholder = "~"
    before, _, after = reverse(page, args=[workspace, placeholder]).partition(placeholder)
    return before, after


@register.inclusion_tag("components/field.html")
def field(bound: BoundField, optional: str = "") -> dict[str, Any]:
    """A field with its label, hint and errors. optional: the text beside the label if the field may stay empty."""
    described = [f"{bound.id_for_label}-e"] if bound.errors else []
    described += [f"{bound.id_for_label}-h"] if bound.help_text else []
    attrs: dict[str, str | bool] = {"aria-describedby": " ".join(described)} if described else {}
    return {"field": bound, "widget": bound.as_widget(attrs=attrs), "optional": optional}


_PRIVATE_KEY = "That is a private key."


def _shorten(bound: BoundField) -> list[str]:
    """The errors of a field. The error about a private key is cut to its first sentence, because the field has the long advice."""
    codes = [error.code for error in bound.errors.as_data()]
    return [_PRIVATE_KEY if code == "private_key" else str(message) for code, message in zip(codes, bound.errors, strict=True)]


@register.inclusion_tag("components/errors.html")
def errors(form: Form, heading: str) -> dict[str, Any]:
    """A form's errors, each with a link to its field. heading: says what didn't happen, such as “Nothing was created.”"""
    listed: list[tuple[str, Any]] = [(bound.id_for_label, message) for bound in form for message in _shorten(bound)]
    listed += [("", message) for message in form.non_field_errors()]
    return {"heading": heading, "listed": listed, "count": len(listed)}


@register.simple_tag(takes_context=True)
def moment(context: template.Context, value: datetime | None, form: str = "relative", empty: str = "never") -> SafeString | str:
    """A point in time as <time>, with exact UTC as its title.

    form: "relative" (“3 min ago”, then “12 Nov”), "expiry" (the same, always with the year), "exact" (“12 Nov 17:10”), "day" (“tomorrow 17:10”), "date", or
    "clock" (“12:04:02”).
    empty: the text for None.
    """
    if value is None:
        return empty
    zone, now = zone_of(context["request"]) if "request" in context else UTC, timezone.now()
    texts = {
        "relative": lambda: moments.say(value, now=now, zone=zone),
        "expiry": lambda: moments.say(value, now=now, zone=zone, with_year=True),
        "exact": lambda: moments.say_exactly(value, now=now, zone=zone),
        "day": lambda: moments.say_day(value, now=now, zone=zone),
        "date": lambda: moments.say_date(value, now=now, zone=zone),
        "clock": lambda: moments.say_clock(value, zone=zone),
    }
    utc = value.astimezone(UTC)
    return format_html('<time datetime="{}" title="{} UTC">{}</time>', f"{utc:%Y-%m-%dT%H:%M:%SZ}", f"{utc:%Y-%m-%d %H:%M:%S}", texts[form]())


@register.inclusion_tag("components/time_zone.html", takes_context=True)
def time_zone(context: template.Context) -> dict[str, Any]:
    """The foot of a list with times: the time zone, a link to change it, and the page's age once it is old."""
    request = context["request"]
    zone = zone_of(request)
    as_of = f"{timezone.now().astimezone(zone):%H:%M}"
    return {"zone_name": zone_name(zone), "as_of": as_of, "next": request.get_full_path(), "csrf_token": context["csrf_token"]}


@register.inclusion_tag("components/not_allowed.html", takes_context=True)
def not_allowed(context: template.Context, permission: str, act: str = "") -> dict[str, Any]:
    """Names the people who can do an act that the reader can't; empty if the reader can. permission: the name in dashboard.people.permissions. act: words that
    follow “can”.
    """
    membership, wanted = context["membership"], Permission[permission]
    if may(membership, wanted):
        return {}
    names = get_text_list(list(who_can(membership, wanted)), "and")
    return {"role": role(membership), "names": names, "act": act or wanted.value}


@register.filter
def role(membership: Membership) -> str:
    """Words such as “an owner”, which follow “You are”."""
    return Membership.Role(membership.role).with_article


@register.filter
def number(value: int) -> str:
    """A number such as “18,204”."""
    return f"{value:,}"


@register.filter
def initials(name: str) -> str:
    """Two letters for the round badge of a person or workspace."""
    words = [word for word in name.replace("@", " ").replace(".", " ").split() if word]
    letters = words[0][:2] if len(words) == 1 else "".join(word[0] for word in words[:2])
    return letters.upper()
