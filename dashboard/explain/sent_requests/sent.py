"""A request as somebody shows it."""

from dataclasses import dataclass, field

# Beside what a request may hold there are the options of a command.
MAX_LENGTH = 128 * 1024


class UnreadableError(Exception):
    """As text: what to paste instead."""


@dataclass(slots=True)
class Sent:
    """kind: what was pasted, to follow “We read”. method, url: "" where only a part of a request was pasted. headers: lower-case name → value, a repeated one
    joined by commas. body: None for none.

    certificate: DER, "" for none. remarks: what couldn't be read, or looks wrong before any check, in sentences.
    """

    kind: str
    method: str = ""
    url: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: str | None = None
    certificate: bytes | None = None
    remarks: list[str] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        return bool(self.method and self.url)

    def add_header(self, name: str, value: str) -> None:
        name = name.strip().lower()
        before = self.headers.get(name)
        self.headers[name] = value.strip() if before is None else f"{before},{value.strip()}"
