"""Every page, who looks at it, and what is done before: one module an area."""

from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Page

PASSWORD = "correct-horse-battery"


@dataclass(frozen=True)
class Shown:
    """name: of the route. person: who looks, None for a stranger. title: what its <title> begins with. act: what is done before one looks.

    picture: its name in docs/screens, empty for none.
    """

    name: str
    path: str
    title: str
    person: str | None = "ada"
    act: Callable[[Page], None] | None = None
    status: int = 200
    picture: str = ""
