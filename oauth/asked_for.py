"""The part of a request's scopes and resources that may be stored for the client's owner: those that the workspace has, and the beginning of any other."""

from collections.abc import Iterable

from django.conf import settings

from clients.audience import audience_key
from clients.foreign_text import shown
from clients.models import Audience, Scope
from clients.scope import MAX_SCOPE_LENGTH

# A client has up to 50 scopes, and an audience up to 512 characters.
_MAX_SCOPES, _MAX_AUDIENCE = 50, 512


def shown_scopes(scopes: Iterable[str], *, workspace_pk: int | None) -> str:
    """Separated by spaces, in the requested order. Of scopes that the workspace doesn't have, only the first is shown: several of them might be pieces of a
    secret.

    workspace_pk: None if the request named no client and so no workspace.
    """
    asked = list(dict.fromkeys(scope for scope in scopes if scope))
    known = _find_known(asked, workspace_pk) if workspace_pk is not None else set()
    unknown = [scope for scope in asked if scope not in known]
    said = [scope if scope in known else shown(scope) for scope in asked if scope in known or scope == unknown[0]]
    return " ".join([*said, *(["…"] if len(unknown) > 1 else [])])


def shown_resource(uri: str, *, workspace_pk: int) -> str:
    """The whole resource if the workspace has it in exactly this spelling."""
    if len(uri) <= _MAX_AUDIENCE and "\0" not in uri and Audience.objects.filter(workspace=workspace_pk, key=audience_key(uri), uri=uri).exists():
        return uri
    return shown(uri, after=settings.ISSUER_URL)


def _find_known(asked: list[str], workspace_pk: int) -> set[str]:
    names = [scope for scope in asked if len(scope) <= MAX_SCOPE_LENGTH and "\0" not in scope][:_MAX_SCOPES]
    return set(Scope.objects.filter(workspace=workspace_pk, name__in=names).values_list("name", flat=True))
