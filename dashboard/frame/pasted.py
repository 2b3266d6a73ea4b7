"""What people paste into a search field by mistake."""

import re
from collections.abc import Iterable

from django.contrib import messages
from django.http import HttpRequest, HttpResponseRedirect, QueryDict
from django.shortcuts import redirect

from clients.leaked_text import find_traces
from dashboard.instance.logs import redact

# Characters. A set of keys is as long, and nothing else that people enter.
_MOST_LOOKED_THROUGH = 64 * 1024

_BASE64 = re.compile(r"[A-Za-z0-9+/]{16,600}={0,2}")


def looks_like_credential(text: str) -> bool:
    """Whether a secret of ours, a JWT, a private key, or a header with a credential or its value is in it. Then it is neither searched for nor shown again.

    What is too long to be looked through counts as one: a stranger may have sent it.
    """
    return len(text) > _MOST_LOOKED_THROUGH or redact(text) != text or _is_encoded_pair(text)


def _is_encoded_pair(text: str) -> bool:
    """As HTTP Basic has a client's ID and secret (RFC 7617 §2), without its name."""
    if not _BASE64.fullmatch(text.strip()):
        return False
    found = find_traces(f"Basic {text.strip()}")
    return bool(found.secrets or found.damaged)


def drop_credentials(request: HttpRequest, filters: QueryDict, names: Iterable[str], *, path: str) -> HttpResponseRedirect | None:
    """The way to the same list without those of its filters that look like a credential, so that they stay in no address; None where none does.

    names: of all filters, the rest of the query is left out. path: of the list.
    """
    kept = QueryDict(mutable=True)
    dropped = False
    for name in names:
        for value in filters.getlist(name):
            if looks_like_credential(value):
                dropped = True
            else:
                kept.appendlist(name, value)
    if not dropped:
        return None
    messages.error(request, "That looks like a secret, so it was not searched for. If it is one, respond to a leak.")
    return redirect(f"{path}?{kept.urlencode()}" if kept else path)
