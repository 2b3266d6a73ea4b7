"""Keyset pagination of long lists: a page begins at the key where the last one ended, so that page 1,000 costs no more than page 1."""

import base64
import binascii
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db.models import Q, QuerySet

_MAX_CURSOR = 2000

# Key, primary key and number of the row at the page's edge.
_Cursor = tuple[Any, int, int]


@dataclass(frozen=True, slots=True)
class Order:
    """name: as in the URL. key: the annotation that rows are ordered by first, never None; the primary key comes second. parse: reads a key from a URL with any
    content; raises ValueError or TypeError.
    """

    name: str
    key: Any
    parse: Callable[[Any], Any]
    is_descending: bool = False


@dataclass(frozen=True, slots=True)
class KeysetPage:
    """rows: at most one page. start: the number of the first row. before, after: cursors of the neighbouring pages, "" if there is none."""

    rows: list[Any]
    start: int
    before: str
    after: str

    @property
    def end(self) -> int:
        return self.start + len(self.rows) - 1


def parse_moment(value: Any) -> datetime:
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError("a time without a time zone")
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("a moment before the year 1 or after 9999") from error


def parse_text(value: Any) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise ValueError("not a text")
    value.encode()
    return value


def parse_number(value: Any) -> int:
    if type(value) is not int or abs(value) >= 2**63:
        raise ValueError("not a number")
    return value


def page_of(rows: QuerySet[Any], order: Order, *, size: int, before: str = "", after: str = "") -> KeysetPage:
    """before, after: as in the URL; an unreadable value leads to the first page. One query."""
    cursor = _read(before or after, order)
    is_back = bool(before) and cursor is not None
    found = _fetch(rows.annotate(key=order.key), cursor, is_descending=order.is_descending != is_back, most=size + 1)
    if cursor is not None and not found:
        return page_of(rows, order, size=size)
    has_more = len(found) > size
    found = found[:size]
    if is_back:
        found.reverse()
    start = _start(cursor, len(found), is_back=is_back, has_more=has_more)
    has_before = has_more if is_back else cursor is not None
    has_after = is_back or has_more
    return KeysetPage(found, start, _write(found[0], start) if has_before else "", _write(found[-1], start + len(found) - 1) if has_after else "")


def _fetch(rows: QuerySet[Any], cursor: _Cursor | None, *, is_descending: bool, most: int) -> list[Any]:
    if cursor is not None:
        value, pk, _ = cursor
        beyond = "lt" if is_descending else "gt"
        rows = rows.filter(Q(**{f"key__{beyond}": value}) | Q(**{"key": value, f"pk__{beyond}": pk}))
    direction = "-" if is_descending else ""
    return list(rows.order_by(f"{direction}key", f"{direction}pk")[:most])


def _start(cursor: _Cursor | None, count: int, *, is_back: bool, has_more: bool) -> int:
    """Rows may have been added or removed meanwhile, so the number is approximate."""
    if cursor is None or (is_back and not has_more):
        return 1
    return max(1, cursor[2] - count) if is_back else cursor[2] + 1


def _write(row: Any, position: int) -> str:
    key = row.key.isoformat() if isinstance(row.key, datetime) else row.key
    return base64.urlsafe_b64encode(json.dumps([key, row.pk, position], separators=(",", ":")).encode()).decode().rstrip("=")


def _read(text: str, order: Order) -> _Cursor | None:
    if not text or len(text) > _MAX_CURSOR:
        return None
    try:
        key, pk, position = json.loads(base64.urlsafe_b64decode(text.encode("ascii") + b"==="))
        if not all(type(number) is int and 0 < number < 2**63 for number in (pk, position)):
            return None
        return order.parse(key), pk, position
    except (ValueError, TypeError, binascii.Error, RecursionError):
        return None
