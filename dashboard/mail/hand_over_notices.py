"""Telling whoever made a hand-over link what came of it."""

import re

from clients.models import HandOver
from dashboard import mail
from dashboard.models import Membership

_USER = re.compile(r"user:([0-9]{1,18}) ")


def tell_maker(hand_over: HandOver, credential: str) -> None:
    """While the maker belongs to the workspace. credential: as people name it."""
    maker, workspace = _USER.match(hand_over.created_by), hand_over.client.workspace
    if maker is None:
        return
    membership = Membership.objects.filter(workspace=workspace, user=int(maker[1]), user__is_active=True).select_related("user").first()
    if membership is not None:
        context = {"hand_over": hand_over, "client": hand_over.client, "workspace": workspace, "credential": credential}
        mail.send_later("hand_over_used", [membership.user.email], context)
