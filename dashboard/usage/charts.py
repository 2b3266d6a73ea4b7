"""Bars over time: their positions, labels, and the sentence that describes them. Colours and markup are in the templates."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import islice
from math import ceil, floor, log10

from clients.periods import HOUR
from clients.usage_report import Slot
from dashboard.frame.moment import MONTHS

DAY = timedelta(days=1)
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

# The bar and the space to its left, as fractions of a slot's width.
_BAR, _LEFT = 0.76, 0.12
# In pixels: the space above the highest bar, the space between two parts of a bar, and the minimum height of a value that isn't zero.
_TOP, _GAP, _LEAST = 10.0, 1.0, 2.0
# The sentence names a short time if this fraction of all refusals falls into it.
_MAX = 0.5


@dataclass(frozen=True, slots=True)
class Part:
    """A rectangle. kind: its class. x, width: per cent. y, height: pixels."""

    kind: str
    x: str
    y: str
    width: str
    height: str


@dataclass(frozen=True, slots=True)
class Bar:
    """label: the time, for its tooltip and its row in the table."""

    label: str
    slot: Slot
    parts: list[Part]

    @property
    def title(self) -> str:
        return f"{self.label}: {self.slot.granted:,} granted, {self.slot.refused:,} refused, {self.slot.failed:,} failed"


@dataclass(frozen=True, slots=True)
class Mark:
    """A label on an axis. x: per cent. y: pixels. short: for a narrow screen. anchor: as in SVG."""

    text: str
    x: str = ""
    y: str = ""
    short: str = ""
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class Chart:
    """base: the baseline of the bars, in pixels from the top. grid: lines with their numbers."""

    sentence: str
    bars: list[Bar]
    grid: list[Mark]
    times: list[Mark]
    base: str
    below: str
    granted: int
    refused: int
    failed: int
    zone: str


def draw(series: Sequence[Slot], *, what: str = "Token requests", base: int = 150, zone: tzinfo = UTC, zone_name: str = "UTC") -> Chart:
    """what: the first noun of the sentence. base: the height of the bars' baseline. zone: for hours; longer slots are always in UTC."""
    length = series[0].length if series else HOUR
    if length > HOUR:
        zone, zone_name = UTC, "UTC"
    top = max((slot.total for slot in series), default=0) or 1
    return Chart(
        sentence=_say(series, what, zone),
        bars=[Bar(_label(slot, zone), slot, list(_stack(slot, number / len(series), 1 / len(series), top, base))) for number, slot in enumerate(series)],
        grid=[Mark(_short(value), y=f"{base - value / top * (base - _TOP):.1f}") for value in _ticks(top)],
        times=list(_times(series, zone)),
        base=f"{base:.1f}",
        below=f"{base + 18}",
        granted=sum(slot.granted for slot in series),
        refused=sum(slot.refused for slot in series),
        failed=sum(slot.failed for slot in series),
        zone=zone_name,
    )


def spark(series: Sequence[int]) -> dict[str, str]:
    """Small bars in a box of 100 × 24; the highest bar fills it. One path for each kind, because a list has hundreds of bars."""
    top = max(series, default=0) or 1
    width = 100 / max(len(series), 1)
    paths = {"granted": "", "none": ""}
    for number, value in enumerate(series):
        height = max(1.5, value / top * 23) if value else 1
        paths["granted" if value else "none"] += f"M{number * width:.1f} {23.5 - height:.1f}h{width * 0.72:.1f}v{height:.1f}h-{width * 0.72:.1f}z"
    return paths


def _stack(slot: Slot, left: float, width: float, top: int, base: int) -> Iterator[Part]:
    floor_y = base - _GAP
    for kind, value in (("granted", slot.granted), ("refused", slot.refused), ("errored", slot.failed)):
        if value:
            height = max(_LEAST, value / top * (base - _TOP) - _GAP)
            yield Part(kind, f"{(left + width * _LEFT) * 100:.2f}%", f"{floor_y - height:.1f}", f"{width * _BAR * 100:.2f}%", f"{height:.1f}")
            floor_y -= height + _GAP


def _ticks(top: int) -> list[int]:
    """One to four round numbers."""
    power = 10 ** floor(log10(top))
    steps = [step for step in (5 * power, 2 * power, power, power // 2) if step]
    step = next((step for step in steps if top // step >= 2), 1)
    return [number * step for number in range(1, top // step + 1)]


def _short(number: int) -> str:
    for unit, name in ((1_000_000, "M"), (1_000, "k")):
        if number >= 10 * unit:
            return f"{number / unit:g}{name}"
    return f"{number:,}"


def _times(series: Sequence[Slot], zone: tzinfo) -> Iterator[Mark]:
    """The labels of the time axis: every six hours, each day at noon, or every fifth day."""
    for number, slot in enumerate(series):
        local, x = slot.begins_at.astimezone(zone), f"{number / len(series) * 100:.2f}%"
        if slot.length == HOUR and local.hour % 6 == 0:
            yield Mark(f"{local:%H:%M}", x=x)
        elif slot.length == 6 * HOUR and local.hour == 12:
            yield Mark(f"{_WEEKDAYS[local.weekday()]} {local.day}", x=x, short=str(local.day))
        elif slot.length == DAY and (len(series) - number) % 5 == 1:
            yield Mark(_day(local), x=x)


def _day(moment: datetime) -> str:
    return f"{moment.day} {MONTHS[moment.month - 1]}"


def _label(slot: Slot, zone: tzinfo) -> str:
    local = slot.begins_at.astimezone(zone)
    if slot.length == DAY:
        return f"{_WEEKDAYS[local.weekday()]} {_day(local)}"
    end = (local + slot.length).astimezone(zone)
    return f"{_day(local)} {local:%H:%M} to {end:%H:%M}"


def _say(series: Sequence[Slot], what: str, zone: tzinfo) -> str:
    granted, refused, failed = (sum(getattr(slot, kind) for slot in series) for kind in ("granted", "refused", "failed"))
    if not (granted or refused or failed):
        return f"{what}: none in this period."
    each = {HOUR: "per hour", 6 * HOUR: "per 6 hours", DAY: "per day"}[series[0].length]
    when = _find_peak(series, refused, zone)
    most = f", mostly {when}" if when else ""
    return f"{what} {each} over the last {_span(series)}. {granted:,} granted, {refused:,} refused{most}, {failed:,} failed on the server."


def _span(series: Sequence[Slot]) -> str:
    length = sum((slot.length for slot in series), timedelta())
    return f"{length // HOUR} hours" if length <= 2 * DAY else f"{length // DAY} days"


def _find_peak(series: Sequence[Slot], refused: int, zone: tzinfo) -> str:
    """The time of most refusals, if it is within an eighth of the period; "" if they were spread out."""
    width = max(1, ceil(len(series) / 8))
    sums = [sum(slot.refused for slot in islice(series, begin, begin + width)) for begin in range(len(series) - width + 1)]
    if not refused or max(sums) <= refused * _MAX:
        return ""
    window = series[sums.index(max(sums)) :][:width]
    busy = [slot for slot in window if slot.refused]
    begin, end = busy[0].begins_at.astimezone(zone), (busy[-1].begins_at + busy[-1].length).astimezone(zone)
    if series[0].length == DAY:
        last = end - DAY
        return f"on {_day(begin)}" if begin == last else f"from {_day(begin)} to {_day(last)}"
    return f"between {begin:%H:%M} and {end:%H:%M}" if series[0].length == HOUR else f"between {_day(begin)} {begin:%H:%M} and {_day(end)} {end:%H:%M}"
