"""Explaining refused requests, and testing requests."""

from django.urls import path

from dashboard.explain import views

urlpatterns = [
    path("explain/", views.explain, name="explain"),
    path("explain/test/", views.credential_test, name="credential_test"),
]
