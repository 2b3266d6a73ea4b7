"""What people paste into a search field by mistake."""

from collections.abc import Iterable

from django.contrib import messages
from django.http import HttpRequest, HttpResponseRedirect, QueryDict
from django.shortcuts import redirect

from clients.credential_text import holds_credential


def drop_credentials(request: HttpRequest, filters: QueryDict, names: Iterable[str], *, path: str) -> HttpResponseRedirect | None:
    """The way to the same list without those of its filters that look like a credential, so that they stay in no address; None where none does.

    names: of all filters, the rest of the query is left out. path: of the list.
    """
    kept = QueryDict(mutable=True)
    dropped = False
    for name in names:
        for value in filters.getlist(name):
            if holds_credential(value):
                dropped = True
            else:
                kept.appendlist(name, value)
    if not dropped:
        return None
    messages.error(request, "That looks like a secret, so it was not searched for. If it is one, respond to a leak.")
    return redirect(f"{path}?{kept.urlencode()}" if kept else path)
