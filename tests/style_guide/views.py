"""The page, with a form that has errors and one that has none."""

import re
from datetime import timedelta
from pathlib import Path

from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from dashboard.people.permissions import anyone


class SampleForm(forms.Form):
    name = forms.CharField(error_messages={"required": "Enter a name, for example billing-sync."}, help_text="What your colleagues will recognise.")
    slug = forms.SlugField(error_messages={"invalid": "Use small letters, digits and hyphens only."})
    environment = forms.ChoiceField(choices=[("live", "Live"), ("test", "Test")], required=False)
    reason = forms.CharField(widget=forms.Textarea(attrs={"rows": 2}), required=False)


def _icons() -> list[str]:
    return re.findall(r'<symbol id="([a-z]+)"', Path(settings.BASE_DIR, "static", "img", "icons.svg").read_text(encoding="utf-8"))


@anyone
def style_guide(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    times = {"now": now, "today": now - timedelta(minutes=200), "earlier": now - timedelta(days=20), "later": now + timedelta(days=90)}
    bad = SampleForm({"name": "", "slug": "über uns", "reason": "It leaked"}, auto_id="bad_%s")
    context = {"form": bad, "blank": SampleForm(auto_id="blank_%s"), "times": times, "icons": _icons()}
    return render(request, "style_guide/index.html", context)
