"""Shows the command that does the same, in templates. dashboard.frame.snippets.same_command writes it."""

from datetime import datetime, timedelta
from typing import Any

from django import template
from django.forms import BoundField
from django.utils import timezone

from dashboard.frame.snippets.highlighting import highlight
from dashboard.frame.snippets.same_command import Value, write_command

register = template.Library()


@register.inclusion_tag("components/same_command.html")
def same_command(command: str, /, *words: object, **options: Any) -> dict[str, Any]:
    """options: values by name, with _ for -. A form field stands for its value, unless that is invalid."""
    written = write_command(command, *map(str, words), options=[(f"--{option.replace('_', '-')}", _value(value)) for option, value in options.items()])
    return {"command": highlight(written, "curl")}


@register.filter
def from_now(moment: datetime) -> timedelta:
    """The time until then, in whole minutes, so that 24 hours chosen a moment ago are still 24 hours."""
    left = max(moment - timezone.now(), timedelta())
    return -(-left // timedelta(minutes=1)) * timedelta(minutes=1)


def _value(value: Any) -> Value:
    if not isinstance(value, BoundField):
        return value  # type: ignore[no-any-return]  # the template's values
    found = "" if value.errors else value.value()
    return str(found or "")
