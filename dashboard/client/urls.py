"""One client: its page, its requests, its audit events, and disabling, enabling and deleting it."""

from django.urls import path

from dashboard.client.views import audit, examples, live, overview, requests, status

urlpatterns = [
    path("clients/<str:client_id>/", overview.client, name="client"),
    path("clients/<str:client_id>/latest/", overview.client_latest, name="client_latest"),
    path("clients/<str:client_id>/requests/", requests.client_requests, name="client_requests"),
    path("clients/<str:client_id>/requests.csv", requests.client_requests_csv, name="client_requests_csv"),
    path("clients/<str:client_id>/requests/<int:pk>/", requests.client_request, name="client_request"),
    path("clients/<str:client_id>/audit/", audit.client_audit, name="client_audit"),
    path("clients/<str:client_id>/examples/", examples.client_examples, name="client_examples"),
    path("clients/<str:client_id>/live/", live.client_live, name="client_live"),
    path("clients/<str:client_id>/disable/", status.client_disable, name="client_disable"),
    path("clients/<str:client_id>/enable/", status.client_enable, name="client_enable"),
    path("clients/<str:client_id>/delete/", status.client_delete, name="client_delete"),
]
