"""A picture of the validity of credentials: one row each, on a common axis with a line for now. Pure: it turns rows and the time into percentages and
sentences.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta, tzinfo

from clients.models import ClientCertificate, ClientSecret
from clients.models.credentials import Credential
from clients.overlap import find_overlaps
from dashboard.frame import moment

DAYS_AROUND = 4
# In percent of the axis: the last place at which a text has room after its bar, its distance from the bar, and the width for centring.
_ROOM, _GAP, _CENTRED = 70, 1.2, 12
# The width of a label's character, and of half of “Now”, in percent of the axis on the smallest screen.
_CHARACTER, _NOW = 2.0, 5.0
# The width of a character in longer texts, which are only used if there is room.
_WIDE_CHARACTER = 1.4


@dataclass(frozen=True, slots=True)
class Span:
    """A row to draw. kind: shown before the label, "" if the label is clear by itself. ends_at: None for no expiry.

    overlap_from: the beginning of the overlap, since when a newer secret also works. longer_until: the expiry after a planned change. ended: "revoked" or
    "ended", "" while it is or will be usable. text: the words at its end, None for the usual ones.
    """

    kind: str
    label: str
    note: str
    starts_at: datetime
    ends_at: datetime | None
    overlap_from: datetime | None = None
    longer_until: datetime | None = None
    ended: str = ""
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Bar:
    """shade: a class in the style sheet. x, width: percent."""

    shade: str
    x: str
    width: str


@dataclass(frozen=True, slots=True)
class Text:
    """more: a part that is left out if there is little room."""

    said: str
    more: str
    x: str
    is_before: bool


@dataclass(frozen=True, slots=True)
class LifelineRow:
    label: str
    note: str
    bars: list[Bar]
    text: Text | None


@dataclass(frozen=True, slots=True)
class Tick:
    said: str
    x: str
    is_middle: bool = False


@dataclass(frozen=True, slots=True)
class Lifeline:
    """sentence: the content of the picture, for readers who can't see it."""

    rows: list[LifelineRow]
    ticks: list[Tick]
    now_x: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Axis:
    start: datetime
    end: datetime
    ticks: list[tuple[datetime, str]] = field(default_factory=list)

    def place(self, value: datetime) -> float:
        """The place of a time in percent, always within the axis."""
        return min(100.0, max(0.0, 100 * ((value - self.start) / (self.end - self.start))))


def spans_of(credentials: Iterable[Credential], *, now: datetime, zone: tzinfo) -> list[Span]:
    """The rows of one client's credentials. Secrets in their overlap come first, then the newest; ended ones come last."""
    listed = list(credentials)
    overlaps = find_overlaps((row for row in listed if isinstance(row, ClientSecret)), now)
    newest = max((row.pk for row in listed if isinstance(row, ClientSecret) and row.is_usable(now)), default=None) if overlaps else None
    since: dict[Credential, datetime | None] = {row: overlaps.get(row.secret_id) for row in listed if isinstance(row, ClientSecret)}
    ordered = sorted(listed, key=lambda row: (not row.is_usable(now), since.get(row) is None, -row.created_at.timestamp()))
    return [_span(row, since.get(row), is_newest=row in since and row.pk == newest, now=now, zone=zone) for row in ordered]


def _span(row: Credential, overlap_from: datetime | None, *, is_newest: bool, now: datetime, zone: tzinfo) -> Span:
    kind = row.SHORT_NAME.capitalize()
    starts_at = row.valid_from if isinstance(row, ClientCertificate) else row.created_at
    made = f"made {moment.say_day(row.created_at, now=now, zone=zone)}"
    if overlap_from is not None:
        note = "Old, in its overlap"
    elif is_newest:
        note = f"New, {made}"
    else:
        note = f"{row.name}, {made}" if row.name else f"{kind}, {made}"
    if row.revoked_at is not None:
        return Span(kind, str(row), note, starts_at, row.revoked_at, ended="revoked")
    return Span(kind, str(row), note, starts_at, row.expires_at, overlap_from, ended="" if row.is_usable(now) else "ended")


def axis_around(spans: Sequence[Span], *, now: datetime, zone: tzinfo) -> Axis:
    """An axis of whole days in the zone, wider if an overlap needs it."""
    today = now.astimezone(zone).date()
    overlaps = [span for span in spans if span.overlap_from is not None and span.ends_at is not None]
    first = today - timedelta(days=DAYS_AROUND)
    last = max([today + timedelta(days=DAYS_AROUND), *(moment.local(span.ends_at, zone).date() + timedelta(days=1) for span in overlaps if span.ends_at)])
    start, end = (datetime.combine(day, time.min, tzinfo=zone) for day in (first, last))
    step = math.ceil((last - first).days / 4)
    days = [datetime.combine(first + timedelta(days=number), time.min, tzinfo=zone) for number in range(0, (last - first).days, step)]
    return Axis(start, end, [(day, moment.say_date(day, now=now, zone=zone)) for day in days])


def axis_until(ends_at: datetime, *, now: datetime, zone: tzinfo) -> Axis:
    """An axis for the future: now is at its left, the end of an overlap at its right. It is one day long if the end is now."""
    length = (ends_at - now if ends_at > now else timedelta(hours=24)) / 0.64
    start = now - 0.08 * length
    return Axis(start, start + length, [(ends_at, moment.say_day(ends_at, now=now, zone=zone).capitalize())])


def draw(spans: Sequence[Span], axis: Axis, *, now: datetime, zone: tzinfo) -> Lifeline:
    now_x = axis.place(now)
    ticks = [Tick(said, _percent(axis.place(at)), is_middle=axis.place(at) > _CENTRED) for at, said in axis.ticks if _is_clear(axis.place(at), said, now_x)]
    return Lifeline(
        rows=[LifelineRow(span.label, span.note, _bars(span, axis, now), _text(span, axis, now, zone)) for span in spans],
        ticks=ticks,
        now_x=_percent(now_x),
        sentence=_say(spans, now, zone),
    )


def _is_clear(x: float, said: str, now_x: float) -> bool:
    """Whether a label doesn't touch “Now”."""
    width = _CHARACTER * len(said)
    return abs(x - now_x) > _NOW + (width / 2 if x > _CENTRED else width)


def _percent(number: float) -> str:
    return f"{number:.2f}%"


def _bars(span: Span, axis: Axis, now: datetime) -> list[Bar]:
    """The bars: solid for the past, hatched for an overlap, pale for the future."""
    end = span.ends_at or axis.end
    if span.ended:
        parts = [("dead", span.starts_at, min(end, now))]
    elif span.overlap_from is not None:
        parts = [("old", span.starts_at, min(span.overlap_from, end)), ("over", max(span.overlap_from, span.starts_at), end)]
    else:
        parts = [("cur", span.starts_at, min(now, end)), ("todo", max(now, span.starts_at), end)]
    if span.longer_until is not None:
        parts.append(("todo", end, span.longer_until))
    placed = [(shade, axis.place(start), axis.place(stop)) for shade, start, stop in parts if stop > start]
    return [Bar(shade, _percent(x), _percent(stop - x)) for shade, x, stop in placed if stop > x]


def _text(span: Span, axis: Axis, now: datetime, zone: tzinfo) -> Text | None:
    if span.text is not None:
        said, more = span.text, ""
    else:
        said, more = _say_end(span, axis, now, zone)
    if not said:
        return None
    if span.ends_at is None or span.ends_at > axis.end:
        return Text(said, more, _percent(max(axis.place(now), axis.place(span.starts_at)) + 3.2), is_before=False)
    end = axis.place(span.ends_at)
    is_before = end > _ROOM
    # A text before the bar's end must not touch the line for now either.
    room = end - (axis.place(now) if span.ends_at > now else 0) if is_before else 100 - end
    fits = _WIDE_CHARACTER * len(said + more) + _GAP <= room
    return Text(said, more if fits else "", _percent(end - _GAP if is_before else end + _GAP), is_before=is_before)


def _say_end(span: Span, axis: Axis, now: datetime, zone: tzinfo) -> tuple[str, str]:
    if span.ends_at is None:
        return "no expiry", ""
    if span.ended:
        return f"{span.ended} {moment.say_day(span.ends_at, now=now, zone=zone).removeprefix('today ')}", ""
    if span.ends_at > axis.end:
        return f"until {moment.say_date(span.ends_at, now=now, zone=zone, with_year=True)}", ""
    return f"ends {moment.say_day(span.ends_at, now=now, zone=zone).removeprefix('today ')}", f", in {moment.say_length(span.ends_at - now)}"


def _say(spans: Sequence[Span], now: datetime, zone: tzinfo) -> str:
    usable = sum(1 for span in spans if not span.ended and span.starts_at <= now)
    if len(spans) == 1:
        works = "It works now." if usable else "It doesn’t work now."
    elif usable == len(spans) == 2:
        works = "Both work now."
    else:
        works = f"{usable or 'None'} of {len(spans)} work{'s' if usable == 1 else ''} now."
    return " ".join([*(_say_span(span, now, zone) for span in spans), works])


def _say_span(span: Span, now: datetime, zone: tzinfo) -> str:
    named = f"{span.kind} {span.label}".strip()
    if span.ends_at is None:
        return f"{named} is valid from {moment.say_day(span.starts_at, now=now, zone=zone)} and never expires."
    if span.ended:
        was = "was revoked" if span.ended == "revoked" else span.ended
        return f"{named} {was} {moment.say_day(span.ends_at, now=now, zone=zone)}."
    end = moment.say_day(span.ends_at, now=now, zone=zone)
    left = f", in {moment.say_length(span.ends_at - now)}"
    if span.overlap_from is not None:
        return f"{named} is old and valid until {end}{left}."
    return f"{named} is valid from {moment.say_day(span.starts_at, now=now, zone=zone)} until {end}{left}."
