"""Single sign-on in other pages; empty if it is off."""

from typing import Any

from django import template
from django.conf import settings

from dashboard.people.sso.admission import find_link

register = template.Library()


@register.simple_tag
def sso_name() -> str:
    """The provider's name for people, "" if single sign-on is off."""
    return settings.SSO_NAME if settings.SSO_ISSUER else ""


@register.simple_tag(takes_context=True)
def is_sso_connected(context: template.Context) -> bool:
    """Whether the provider can identify the signed-in user."""
    return bool(settings.SSO_ISSUER) and find_link(context["user"]) is not None


@register.inclusion_tag("components/sso_button.html", takes_context=True)
def sso_button(context: template.Context, next_url: str | None = "", main: bool = False) -> dict[str, Any]:  # noqa: FBT001, FBT002  # a tag's arguments have no types
    """A form with “Sign in with Okta”. main: whether this is the page's main button."""
    return {"csrf_token": context.get("csrf_token"), "name": sso_name(), "next_url": next_url or "", "main": main}
