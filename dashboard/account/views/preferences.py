"""Help, display preferences that the browser remembers, and how long a user stays signed in."""

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseRedirect
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from dashboard.frame.context import THEME_COOKIE, THEMES, ZONE_COOKIE
from dashboard.frame.moment import find_zone, zones
from dashboard.people.permissions import anyone, signed_in

YEAR = 365 * 24 * 3600


def _way_back(request: HttpRequest) -> str:
    """The page that the form came from, or the start page if that page isn't ours."""
    came_from = request.POST.get("next", "") or request.GET.get("next", "")
    is_ours = came_from.startswith("/") and url_has_allowed_host_and_scheme(came_from, allowed_hosts=None, require_https=True)
    return came_from if is_ours else "/"


def _remember(request: HttpRequest, cookie: str, value: str) -> HttpResponse:
    response = HttpResponseRedirect(_way_back(request))
    response.set_cookie(cookie, value, max_age=YEAR, secure=True, samesite="Lax")
    return response


@anyone
def help_page(request: HttpRequest) -> HttpResponse:
    """Help for users who are stuck, signed in or not. Every page links to it at the same place (WCAG 2.2, 3.2.6)."""
    return render(request, "account/help.html")


@anyone
@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """theme: auto, light or dark. Redirects back to the page that it came from."""
    chosen = request.POST.get("theme", "")
    if chosen not in THEMES:
        return HttpResponseBadRequest("Choose auto, light or dark.", content_type="text/plain")
    return _remember(request, THEME_COOKIE, chosen)


@anyone
def time_zone(request: HttpRequest) -> HttpResponse:
    """zone: a name in the IANA database, or UTC. Without a zone, and on GET, shows a page to choose it: without JavaScript, a browser doesn't report it."""
    chosen = request.POST.get("zone", "")
    if chosen == "UTC" or find_zone(chosen):
        return _remember(request, ZONE_COOKIE, chosen)
    context = {"zones": zones(), "next": _way_back(request), "is_unknown": bool(chosen)}
    return render(request, "account/time_zone.html", context)


@signed_in
@require_POST
def stay_signed_in(request: HttpRequest) -> HttpResponse:  # noqa: ARG001  # SessionActivityMiddleware has renewed the session
    return HttpResponse(status=204)
