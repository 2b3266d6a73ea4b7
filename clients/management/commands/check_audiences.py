"""manage.py check_audiences: lists clients that have another workspace's audience."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from clients.management.base import JSONCommand
from clients.services.audiences import find_foreign_audiences, say_foreign
from clients.services.audit import Actor


class Command(JSONCommand):
    help = "List the clients that have another workspace's audience. They get no token for it."

    def run(self, options: Mapping[str, Any], *, actor: Actor, now: datetime) -> Mapping[str, Any]:  # noqa: ARG002  # nothing is changed
        foreign = list(find_foreign_audiences())
        return {
            "foreign": [
                {"client_id": one.client.client_id, "workspace": one.client.workspace.slug, "audience": one.uri, "belongs_to": one.owner} for one in foreign
            ],
            **({"warnings": [say_foreign(one) for one in foreign]} if foreign else {}),
        }

    def render(self, result: Mapping[str, Any]) -> str:
        return "\n".join(result.get("warnings", ())) or "Every client's audiences belong to its workspace."
