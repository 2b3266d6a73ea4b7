"""One client: its page, its requests, and why they were refused."""

from django.urls import path

from dashboard.views import explain
from dashboard.views.client import audit, examples, live, overview, requests

urlpatterns = [
    path("clients/<str:client_id>/", overview.client, name="client"),
    path("clients/<str:client_id>/latest/", overview.client_latest, name="client_latest"),
    path("clients/<str:client_id>/requests/", requests.client_requests, name="client_requests"),
    path("clients/<str:client_id>/requests.csv", requests.client_requests_csv, name="client_requests_csv"),
    path("clients/<str:client_id>/requests/<int:pk>/", requests.client_request, name="client_request"),
    path("clients/<str:client_id>/audit/", audit.client_audit, name="client_audit"),
    path("clients/<str:client_id>/examples/", examples.client_examples, name="client_examples"),
    path("clients/<str:client_id>/live/", live.client_live, name="client_live"),
    path("explain/", explain.explain, name="explain"),
    path("explain/test/", explain.credential_test, name="credential_test"),
]
