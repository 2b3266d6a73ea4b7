"""The list of clients, and search."""

from django.urls import path

from dashboard.views import clients, search

urlpatterns = [
    path("clients/", clients.clients, name="clients"),
    path("search/", search.search, name="search"),
]
