"""What a browser remembers about how pages look."""

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from dashboard.frame import THEME_COOKIE, THEMES
from dashboard.permissions import anyone

YEAR = 365 * 24 * 3600


@anyone
@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """theme: auto, light or dark. Leads back to the page that it came from."""
    chosen = request.POST.get("theme", "")
    if chosen not in THEMES:
        return HttpResponseBadRequest("Choose auto, light or dark.", content_type="text/plain")
    came_from = request.POST.get("next", "")
    is_ours = came_from.startswith("/") and url_has_allowed_host_and_scheme(came_from, allowed_hosts=None, require_https=True)
    response = HttpResponseRedirect(came_from if is_ours else "/")
    response.set_cookie(THEME_COOKIE, chosen, max_age=YEAR, secure=True, samesite="Lax")
    return response
