"""File exports: CSV (RFC 4180) and JSON lines, sent while the rows are still being read."""

import csv
import json
import re
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from io import StringIO
from itertools import chain, islice
from typing import Any, cast

from asgiref.sync import sync_to_async
from django.http import StreamingHttpResponse

_BATCH = 500
# A spreadsheet treats a cell that begins like this as a formula, also after a character that it drops.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


# The same after a possible cell separator: in locales with a decimal comma, spreadsheets separate cells by semicolons.
_FORMULA_WITHIN = re.compile(r"""(?<=[;\t\r\n])(?=[ "]*[=+\-@＝＋－＠])""")


class Export(StreamingHttpResponse):
    """Reads its rows in the request's thread, one batch at a time. Django's own response would read all of them before it sent the first."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        parts = cast(Iterator[bytes], self.streaming_content)
        while part := await sync_to_async(lambda: next(parts, None))():
            yield part


def csv_response(filename: str, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Export:
    """A CSV file in UTF-8 with a header, and without cells that a spreadsheet would evaluate. rows: best an iterator, because they are read in batches while
    they are sent.
    """
    return _respond(filename, "text/csv; charset=utf-8", _write_csv(header, rows))


def json_lines_response(filename: str, rows: Iterable[Mapping[str, Any]]) -> Export:
    """A file with one JSON object per line."""
    return _respond(filename, "application/x-ndjson", (json.dumps(row, default=_say, ensure_ascii=False) + "\n" for row in rows))


def _respond(filename: str, content_type: str, lines: Iterator[str]) -> Export:
    headers = {"Content-Disposition": f'attachment; filename="{filename}"', "Cache-Control": "no-store"}
    return Export(_join(lines), content_type=content_type, headers=headers)


def _join(lines: Iterator[str]) -> Iterator[bytes]:
    while batch := list(islice(lines, _BATCH)):
        yield "".join(batch).encode()


def _write_csv(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    line = StringIO(newline="")
    writer = csv.writer(line)
    for row in chain([header], rows):
        writer.writerow([_defuse(cell) for cell in row])
        yield line.getvalue()
        line.seek(0)
        line.truncate()


def _defuse(cell: Any) -> Any:
    text = _say(cell) if isinstance(cell, datetime) else cell
    if not isinstance(text, str):
        return text
    within = _FORMULA_WITHIN.sub("'", text[1:]) if text.startswith(_FORMULA) else _FORMULA_WITHIN.sub("'", text)
    return f"'{text[0]}{within}" if text.startswith(_FORMULA) else within


def _say(value: Any) -> str:
    """Points in time have microseconds and are in UTC, as they are stored."""
    return value.isoformat() if isinstance(value, datetime) else str(value)
