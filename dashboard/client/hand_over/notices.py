"""Tells the maker of a hand-over link that it was used."""

from clients.models import HandOver
from dashboard.frame.credential_names import name_credential
from dashboard.instance import mail
from dashboard.people.made_links import find_maker


def tell_maker(hand_over: HandOver) -> None:
    """Tell the maker, as long as they belong to the workspace."""
    maker = find_maker(hand_over)
    if maker is not None:
        context = {
            "hand_over": hand_over,
            "client": hand_over.client,
            "workspace": hand_over.client.workspace,
            "credential": name_credential(hand_over.credential),
        }
        mail.send_later("hand_over_used", [maker.user.email], context)
