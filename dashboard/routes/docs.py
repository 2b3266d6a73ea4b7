"""API and docs, with the values of the workspace."""

from django.urls import path

from dashboard.views import docs

urlpatterns = [
    path("docs/", docs.docs, name="docs"),
    path("docs/<slug:page>/", docs.docs_page, name="docs_page"),
]
