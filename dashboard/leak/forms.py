"""The form for a text that somebody found, pasted or as a file."""

from codecs import getincrementaldecoder
from math import ceil
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

MAX_CHARACTERS = 10_000_000

# Bytes that are decoded, or characters that are searched, at once: no other thread runs meanwhile.
_PIECE = 256 * 1024
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_PACKED = {b"\x1f\x8b": "gzip", b"PK": "zip", b"BZ": "bzip2", b"\xfd7zXZ": "xz", b"\x28\xb5\x2f\xfd": "zstd"}


class AnyText(forms.Field):
    """Accepts the text as it was sent, even with NUL, because a log file may be damaged."""

    widget = forms.Textarea

    def to_python(self, value: Any) -> str:
        return str(value or "")


class LeakForm(forms.Form):
    """Its fields are named like secrets, so the sent text is neither stored in a session nor written into a page again."""

    leaked_secret = AnyText(
        label="Leaked secret, access token, client ID or key ID",
        required=False,
        help_text="You can paste whole files and log lines: all secrets, tokens and IDs of this instance are found. "
        "The pasted text is masked when you look it up.",
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false", "autocapitalize": "off", "autocomplete": "off", "class": "mono", "data-sends": ""}),
    )
    leaked_secret_file = forms.FileField(
        label="Or a file", required=False, allow_empty_file=True, help_text="A log, a configuration file or a key, up to 10 MB."
    )

    def __init__(self, *args: Any, has_focus: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if has_focus:
            self.fields["leaked_secret"].widget.attrs["autofocus"] = True

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        file = cleaned.get("leaked_secret_file")
        text = cleaned.get("leaked_secret", "")
        if file is not None:
            text = f"{text}\n{self._read(file.read())}" if text else self._read(file.read())
        if len(text) > MAX_CHARACTERS:
            raise ValidationError(
                {"leaked_secret": f"The text is {ceil(len(text) / 1e5) / 10:g} MB long. Split it into parts of up to 10 MB. Nothing was looked up."}
            )
        if not any(text[place : place + _PIECE].strip() for place in range(0, len(text), _PIECE)):
            raise ValidationError({"leaked_secret": "Paste what you found, or choose a file."}, code="required")
        cleaned["text"] = text
        return cleaned

    def _read(self, content: bytes) -> str:
        packed = next((name for magic, name in _PACKED.items() if content.startswith(magic)), None)
        if packed is not None:
            raise ValidationError({"leaked_secret_file": f"This file is compressed with {packed}. Decompress it first. Nothing in it was read."}, code="packed")
        # It is decoded in pieces, so that other threads can run in between: in a file that isn't text, every byte has to be replaced.
        decoder = getincrementaldecoder(_guess_encoding(content))("replace")
        pieces = [decoder.decode(content[place : place + _PIECE]) for place in range(0, len(content), _PIECE)]
        return "".join([*pieces, decoder.decode(b"", final=True)])


def _guess_encoding(content: bytes) -> str:
    """UTF-16 if it has a byte order mark, or if every second byte at its beginning is NUL, as in ASCII without a mark."""
    if content.startswith(_UTF16):
        return "utf-16"
    beginning = content[:_PIECE]
    for encoding, high in (("utf-16-le", beginning[1::2]), ("utf-16-be", beginning[::2])):
        if 2 * high.count(0) > len(high) > 0:
            return encoding
    return "utf-8"
