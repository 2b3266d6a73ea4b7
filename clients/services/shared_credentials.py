"""A public key or certificate that several clients of a workspace share: its private key can act as each of them, and it must be revoked for each.

The dashboard refuses it, because a person can make a separate one. Commands accept it with a warning, so that scripts that share one still work.
"""

from collections.abc import Sequence

from django.core.exceptions import ValidationError

from clients.models import Client, ClientCertificate, ClientPublicKey, Workspace

_Kind = type[ClientPublicKey] | type[ClientCertificate]


def _find_other_owner(kind: _Kind, thumbprints: Sequence[str], *, workspace: Workspace, client: Client | None) -> Client | None:
    """The client that already has one of them, revoked or not."""
    rows = kind._default_manager.filter(client__workspace=workspace, thumbprint__in=thumbprints).exclude(client=client)
    found = rows.select_related("client").order_by("pk").first()
    return None if found is None else found.client


def refuse_shared(kind: _Kind, thumbprints: Sequence[str], *, workspace: Workspace, client: Client | None) -> None:
    """client: their owner, None if it doesn't exist yet. Raise ValidationError if another client already has one of them."""
    owner = _find_other_owner(kind, thumbprints, workspace=workspace, client=client)
    if owner is not None:
        what = kind.SHORT_NAME
        raise ValidationError(f"This {what} belongs to {owner.name}. Use a separate {what} for each client.", code=f"{what}_of_another")


def warn_of_shared(rows: Sequence[ClientPublicKey | ClientCertificate], *, client: Client) -> list[str]:
    """Warnings for a client that just got these credentials."""
    warnings = []
    for row in rows:
        owner = _find_other_owner(type(row), [row.thumbprint], workspace=client.workspace, client=client)
        if owner is not None:
            also = f"{row.NOUN.capitalize()} {row} also belongs to {owner.name} ({owner.client_id}), so its private key can act as both clients."
            warnings.append(f"{also} Use a separate one for each client.")
    return warnings
