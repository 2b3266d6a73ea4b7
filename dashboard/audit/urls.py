"""The audit log."""

from django.urls import path

from dashboard.audit import views

urlpatterns = [
    path("audit/", views.audit, name="audit"),
    path("audit/<int:pk>/", views.audit_event, name="audit_event"),
    path("audit.csv", views.audit_csv, name="audit_csv"),
    path("audit.json", views.audit_json, name="audit_json"),
]
