"""Two lines of milliseconds over an hour: their coordinates, and the sentence that describes them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import tzinfo

from clients.response_times import SLOT, Times
from dashboard.usage.charts import Mark

BASE, _TOP = 110.0, 10.0
_STEPS = (1, 2, 5, 10, 20, 40, 50, 100, 200, 500, 1000, 2000, 5000)


@dataclass(frozen=True, slots=True)
class Segment:
    kind: str
    x1: str
    y1: str
    x2: str
    y2: str


@dataclass(frozen=True, slots=True)
class TimeChart:
    sentence: str
    segments: list[Segment]
    grid: list[Mark]
    times: list[Mark]
    rows: list[tuple[str, Times]]
    base: str
    below: str


def draw(series: Sequence[Times], total: Times, *, zone: tzinfo) -> TimeChart | None:
    """series: slots without gaps, oldest first. None if nothing was measured."""
    if total.median is None or total.p95 is None:
        return None
    highest = max(times.p95 or 0 for times in series) or 1
    step = next((step for step in _STEPS if highest / step <= 3), _STEPS[-1])
    top = max(highest, step)
    return TimeChart(
        sentence=_say(series, total, zone),
        segments=[*_line("lp95", [times.p95 for times in series], top), *_line("lp50", [times.median for times in series], top)],
        grid=[Mark(f"{number * step:,} ms", y=f"{_y(number * step, top):.1f}") for number in range(1, int(top // step) + 1)],
        times=_clock_marks(series, zone),
        rows=[(f"{times.begins_at.astimezone(zone):%H:%M}", times) for times in series],
        base=f"{BASE:.1f}",
        below=f"{BASE + 18:.1f}",
    )


def _line(kind: str, values: Sequence[float | None], top: float) -> Iterator[Segment]:
    """A line from the middle of each slot to the middle of the next. A slot between two without requests is a dot."""
    width = 100 / len(values)
    for number, value in enumerate(values):
        if value is None:
            continue
        x, y = (number + 0.5) * width, _y(value, top)
        following = values[number + 1] if number + 1 < len(values) else None
        if following is not None:
            yield Segment(kind, f"{x:.2f}%", f"{y:.1f}", f"{x + width:.2f}%", f"{_y(following, top):.1f}")
        elif number == 0 or values[number - 1] is None:
            yield Segment(kind, f"{x:.2f}%", f"{y:.1f}", f"{x:.2f}%", f"{y:.1f}")


def _y(value: float, top: float) -> float:
    return BASE - value / top * (BASE - _TOP)


def _clock_marks(series: Sequence[Times], zone: tzinfo) -> list[Mark]:
    first, last = series[0].begins_at, series[-1].begins_at + SLOT
    middle = first + (last - first) / 2
    marks = ((first, "0", ""), (middle, "50%", "middle"), (last, "100%", "end"))
    return [Mark(f"{moment.astimezone(zone):%H:%M}", x=x, anchor=anchor) for moment, x, anchor in marks]


def _say(series: Sequence[Times], total: Times, zone: tzinfo) -> str:
    peak = max(series, key=lambda times: times.p95 or 0)
    said = f"Response time of token requests in the last hour. Median about {total.median:.0f} ms, 95th percentile about {total.p95:.0f} ms"
    if (peak.p95 or 0) > 1.5 * (total.p95 or 0):
        return f"{said}, with a peak of {peak.p95:.0f} ms at {peak.begins_at.astimezone(zone):%H:%M}."
    return f"{said}."
