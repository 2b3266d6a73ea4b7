"""Credentials that people paste into a search field by mistake."""

from collections.abc import Iterable

from django.contrib import messages
from django.http import HttpRequest, HttpResponseRedirect, QueryDict
from django.shortcuts import redirect

from clients.redaction import holds_credential


def drop_credentials(request: HttpRequest, filters: QueryDict, names: Iterable[str], *, path: str) -> HttpResponseRedirect | None:
    """A redirect to the same list without the filters that look like a credential, so that they don't stay in a URL; None if none does.

    names: the names of all filters; the rest of the query is dropped. path: the list's.
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
    messages.error(request, "That looks like a secret, so we didn’t search for it. If it is one, use Leak response.")
    return redirect(f"{path}?{kept.urlencode()}" if kept else path)
