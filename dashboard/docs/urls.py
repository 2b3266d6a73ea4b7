"""API and docs, with the values of the workspace."""

from django.urls import path

from dashboard.docs import views

urlpatterns = [
    path("docs/", views.docs, name="docs"),
    path("docs/<slug:page>/", views.docs_page, name="docs_page"),
]
