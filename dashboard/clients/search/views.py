"""Search: a page with a form, and the palette's results."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.debug import sensitive_post_parameters

from clients.redaction import holds_credential
from dashboard.clients.search.find import find, suggest
from dashboard.frame.fragments import is_fragment, render_page_or_fragment
from dashboard.frame.recent import recent_client_ids
from dashboard.models import Membership
from dashboard.people.permissions import Permission, member

MAX_TEXT = 200
# A pasted text is only searched up to this length, also for credentials.
_MAX_READ = 10_000


@sensitive_post_parameters()
@member(Permission.VIEW)
def search(request: HttpRequest, membership: Membership) -> HttpResponse:
    """The page's form uses POST, so that pasted text never gets into a URL; links and the palette, whose script checks the text first, use the query."""
    said = request.POST if request.method == "POST" else request.GET
    text = " ".join(said.get("q", "")[:_MAX_READ].replace("\0", "").split())
    is_dropped = holds_credential(text)
    if is_dropped and request.GET and not is_fragment(request):
        messages.error(request, "That looks like a secret, so we didn’t search for it. If it is one, use Leak response.")
        return redirect("search", membership.workspace.slug)
    text = "" if is_dropped else text[:MAX_TEXT]
    groups = find(membership, text) if text else suggest(membership, recent_client_ids(request))
    context = {"q": text, "is_dropped": is_dropped, "groups": groups, "count": sum(len(hits) for _, hits in groups)}
    return render_page_or_fragment(request, "clients/search/page.html", "clients/search/options.html", context)
