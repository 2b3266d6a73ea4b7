"""Finds a secret in a forbidden place, in any encoding."""

import base64
import re
from collections.abc import Iterator

from tests.servers.conftest import Server

# Places that may contain secrets: the server's own TLS keys, and the demo client's file of mode 0600. The static files were collected before any secret
# existed.
EXCLUDED = ("tls/", "demo-client.curl", "static/")


def spellings(plaintext: bytes) -> Iterator[bytes]:
    """As it is, as browsers write what a form held, in hex, and as it looks inside of base64 of something longer, wherever it begins there."""
    yield plaintext
    yield plaintext.decode("latin-1").encode("utf-16-le")
    yield plaintext.hex().encode()
    yield plaintext.hex().upper().encode()
    for shift in range(3):
        # The characters at both ends depend on the neighbouring bytes.
        inner = base64.b64encode(b"\0" * shift + plaintext)[(shift * 8 + 5) // 6 :].rstrip(b"=")[:-1]
        yield inner
        yield inner.translate(bytes.maketrans(b"+/", b"-_"))


def find(needles: dict[str, bytes], places: dict[str, bytes]) -> set[tuple[str, str]]:
    """Which needle stands in which place. Line breaks don't hide one, as they would in PEM."""
    flat = {place: (content, re.sub(rb"\s|\\n", b"", content)) for place, content in places.items()}
    return {
        (name, place)
        for name, needle in needles.items()
        for spelling in set(spellings(needle))
        for place, contents in flat.items()
        if any(spelling in content for content in contents)
    }


def read_files(server: Server) -> dict[str, bytes]:
    files = {str(file.relative_to(server.data_dir)): file for file in server.data_dir.rglob("*") if file.is_file()}
    return {name: file.read_bytes() for name, file in files.items() if not name.startswith(EXCLUDED)}
