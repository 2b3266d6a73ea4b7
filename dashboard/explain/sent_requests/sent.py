"""A request as somebody pastes it."""

from dataclasses import dataclass, field

# This is longer than a request may be, because a command also has options.
MAX_LENGTH = 128 * 1024


class UnreadableError(Exception):
    """Its text says what to paste instead."""


@dataclass(slots=True)
class Sent:
    """kind: the kind of the text, in words that follow “We read”. method, url: "" if only a part of a request was pasted. headers: lower-case name → value,
    repeated ones joined by commas. body: None if there is none.

    certificate: DER, None if there is none. remarks: sentences about parts that couldn't be read or look wrong even before any check.
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
