"""API and docs, with the values of the workspace and of a client that the reader chooses."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.http import urlencode

from clients.models import Client
from clients.redaction import holds_credential
from dashboard.client.credentials.secret_once import env_file_name
from dashboard.docs.pages import PAGES, bound_by_dpop, choose_first, find_named, find_page, offer_clients, values_of, ways_to_sign_in
from dashboard.explain.error_reference import error_rows, reason_rows
from dashboard.frame.snippets import chosen_language
from dashboard.models import Membership
from dashboard.people.permissions import Permission, member


@member(Permission.VIEW)
def docs(request: HttpRequest, membership: Membership) -> HttpResponse:
    if holds_credential(request.GET.get("client", "")):
        return _refuse_credential(request)
    return render(request, "docs/index.html", _context(request, membership))


@member(Permission.VIEW)
def docs_page(request: HttpRequest, membership: Membership, page: str) -> HttpResponse:
    """?client= names the client whose values the examples use."""
    found = find_page(page)
    if found is None:
        raise Http404
    if holds_credential(request.GET.get("client", "")):
        return _refuse_credential(request)
    context = {**_context(request, membership), "page": found}
    if page == "errors":
        context["codes"], context["reasons"] = error_rows(), reason_rows()
    elif page == "dpop":
        context["snippets"] = bound_by_dpop(context["values"])
    elif page in ("quick-start", "authentication"):
        context["ways"] = ways_to_sign_in(context["values"], now=timezone.now())
    return render(request, f"docs/{page}.html", context)


def _refuse_credential(request: HttpRequest) -> HttpResponse:
    """A credential was pasted into the picker: redirect away from the URL that contains it."""
    messages.error(request, "That looks like a secret, and it was in a URL. Look it up under Leak response.")
    return redirect(request.path)


def _context(request: HttpRequest, membership: Membership) -> dict[str, Any]:
    offered = offer_clients(membership.workspace)
    wanted = request.GET.get("client", "")
    client = _choose(membership, wanted, offered)
    is_found = client is not None and bool(wanted)
    return {
        "workspace": membership.workspace,
        "pages": PAGES,
        "offered": offered,
        "wanted": wanted,
        "is_missing": bool(wanted) and not is_found,
        "values": values_of(membership.workspace, client),
        "env_file": env_file_name(client) if client else "client.env",
        "language": chosen_language(request),
        # This keeps the chosen client in the links between pages.
        "query": f"?{urlencode({'client': client.client_id})}" if client is not None and is_found else "",
    }


def _choose(membership: Membership, wanted: str, offered: list[Client]) -> Client | None:
    return find_named(membership.workspace, wanted) if wanted else choose_first(offered, now=timezone.now())
