"""Reads cookies before Django does. They aren't unquoted: that takes quadratic time in Python 3.11.7 and 3.12.1, and our cookies have no quotes."""

import re
from collections.abc import Iterable


def find_all(headers: Iterable[tuple[bytes, bytes]], name: str, value: str) -> set[str]:
    """All values that Django might read for that cookie: it strips and unquotes them, and takes the last of several. value: a pattern for it."""
    cookies = b";".join(content for field, content in headers if field == b"cookie").decode("latin-1")
    return set(re.findall(rf"{re.escape(name)}\s*=[\s\"]*({value})", cookies, re.ASCII))


def find_cookie(headers: Iterable[tuple[bytes, bytes]], name: str, value: str) -> str:
    """The cookie's value, "" if there is none. value: a pattern for it."""
    cookies = b"; ".join(content for field, content in headers if field == b"cookie").decode("latin-1")
    found = re.search(rf"(?:\A|; ?){re.escape(name)}=({value})(?:;|\Z)", cookies, re.ASCII)
    return found[1] if found else ""
