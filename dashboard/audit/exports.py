"""Exports of audit events as files."""

import json
from collections.abc import Iterator
from typing import Any

from clients.models import AuditEvent
from dashboard.audit.events import Events
from dashboard.frame import exports

_FIELDS = ("id", "created_at", "event", "actor", "address", "request_id", "target_type", "target_id", "before", "after")
_CHUNK = 2000


def csv_response(filename: str, events: Events) -> exports.Export:
    return exports.csv_response(filename, _FIELDS, (_cells(event) for event in _read(events)))


def json_lines_response(filename: str, events: Events) -> exports.Export:
    return exports.json_lines_response(filename, ({name: getattr(event, name) for name in _FIELDS} for event in _read(events)))


def _read(events: Events) -> Iterator[AuditEvent]:
    return events.iterator(chunk_size=_CHUNK)


def _cells(event: AuditEvent) -> list[Any]:
    cells = [getattr(event, name) for name in _FIELDS]
    return [json.dumps(cell, ensure_ascii=False) if isinstance(cell, dict) else cell for cell in cells]
