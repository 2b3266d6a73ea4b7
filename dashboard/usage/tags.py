"""Charts in templates; dashboard.usage.charts draws them."""

from collections.abc import Sequence
from typing import Any

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from clients.usage_report import Slot
from dashboard.frame.context import zone_name, zone_of
from dashboard.usage import charts

register = template.Library()

# Class and height of the bars' baseline in pixels, as in app.css.
_SIZES = {"": 150, "lowc": 110, "tallc": 190}


@register.inclusion_tag("components/usage_chart.html", takes_context=True)
def usage_chart(
    context: template.Context, series: Sequence[Slot], size: str = "", what: str = "Token requests", empty: str = "No requests in this period."
) -> dict[str, Any]:
    """Granted, refused and failed requests as stacked bars, a sentence, and a table. size: "", "lowc" or "tallc"."""
    zone = zone_of(context["request"])
    chart = charts.draw(series, what=what, base=_SIZES[size], zone=zone, zone_name=zone_name(zone))
    return {"chart": chart, "size": size, "what": what, "empty": empty}


@register.simple_tag
def spark(series: Sequence[int]) -> SafeString:
    """Small bars beside the number that they show."""
    paths = format_html_join("", '<path class="{}" d="{}" />', ((kind, path) for kind, path in charts.spark(series).items() if path))
    return format_html('<svg class="spark" viewBox="0 0 100 24" preserveAspectRatio="none" aria-hidden="true">{}</svg>', paths)


@register.inclusion_tag("components/hbar.html")
def hbar(value: int, largest: int) -> dict[str, Any]:
    """A share as a bar in its cell, beside the number."""
    return {"width": f"{100 * value / largest:.1f}%" if largest else "0%"}
