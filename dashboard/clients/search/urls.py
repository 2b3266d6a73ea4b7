"""Search over a workspace."""

from django.urls import path

from dashboard.clients.search import views

urlpatterns = [path("search/", views.search, name="search")]
