"""Search: a page with a form, and what the palette shows."""

from django.http import HttpRequest, HttpResponse

from dashboard.fragments import render_page_or_fragment
from dashboard.models import Membership
from dashboard.permissions import Permission, member


@member(Permission.VIEW)
def search(request: HttpRequest, membership: Membership) -> HttpResponse:  # noqa: ARG001  # the shape of every view of a workspace
    return render_page_or_fragment(request, "search/page.html", "search/results.html", {})
