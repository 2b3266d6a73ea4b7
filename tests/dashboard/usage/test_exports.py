"""Exports: complete, streamed, and harmless in a spreadsheet."""

import asyncio
import csv
import io
import json
from datetime import UTC, datetime

import pytest

from dashboard.frame.exports import csv_response, json_lines_response


def read(response):
    return list(csv.reader(io.StringIO(b"".join(response.streaming_content).decode(), newline="")))


def test_a_csv_has_a_header_utf_8_and_every_row():
    response = csv_response("usage.csv", ["name", "count"], ((f"Müller, “{number}”\n", number) for number in range(1200)))
    rows = read(response)
    assert rows[0] == ["name", "count"]
    assert rows[1] == ["Müller, “0”\n", "0"]
    assert len(rows) == 1201
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"] == 'attachment; filename="usage.csv"'
    assert response["Cache-Control"] == "no-store"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1"])
def test_what_a_spreadsheet_would_compute_is_text(text):
    assert read(csv_response("x.csv", ["a"], [[text]]))[1] == [f"'{text}"]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("x;=1+1;y", "x;'=1+1;y"),
        ("x;  @SUM(A1)", "x;'  @SUM(A1)"),
        ('x;"=1+1"', 'x;\'"=1+1"'),
        ("x\t-1", "x\t'-1"),
        ("x\n＝1", "x\n'＝1"),
        ("x;y=1; z-1", "x;y=1; z-1"),
    ],
)
def test_nor_does_one_that_takes_a_semicolon_for_the_end_of_a_cell(text, written):
    """As Excel does in Germany and France."""
    assert read(csv_response("x.csv", ["a"], [[text]]))[1] == [written]


def test_numbers_stay_numbers_and_times_are_iso_8601():
    moment = datetime(2026, 11, 24, 12, 5, 31, 7, tzinfo=UTC)
    assert read(csv_response("x.csv", ["a", "b", "c"], [[-5, moment, None]]))[1] == ["-5", "2026-11-24T12:05:31.000007+00:00", ""]


def test_json_lines_are_one_object_a_line():
    moment = datetime(2026, 11, 24, tzinfo=UTC)
    response = json_lines_response("audit.json", ({"name": "é", "at": moment, "number": number} for number in range(2)))
    lines = b"".join(response.streaming_content).decode().splitlines()
    assert [json.loads(line)["number"] for line in lines] == [0, 1]
    assert json.loads(lines[0]) == {"name": "é", "at": "2026-11-24T00:00:00+00:00", "number": 0}
    assert response["Content-Type"] == "application/x-ndjson"


def test_the_first_rows_are_sent_before_the_last_are_read():
    read_rows = []

    def rows():
        for number in range(2000):
            read_rows.append(number)
            yield [number]

    async def first_part():
        return await anext(aiter(csv_response("x.csv", ["a"], rows())))

    part, count = asyncio.run(first_part()), len(read_rows)
    assert part.startswith(b"a\r\n0\r\n")
    assert count < 1000
