"""The audit log, and health."""

from django.urls import path

from dashboard.views import audit, health

urlpatterns = [
    path("audit/", audit.audit, name="audit"),
    path("audit/<int:pk>/", audit.audit_event, name="audit_event"),
    path("audit.csv", audit.audit_csv, name="audit_csv"),
    path("audit.json", audit.audit_json, name="audit_json"),
    path("health/", health.health, name="health"),
]
