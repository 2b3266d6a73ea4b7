"""One client: its page, its requests, and why they were refused."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
