"""Health of the instance, as members see it."""

from django.urls import path

from dashboard.health import views

urlpatterns = [path("health/", views.health, name="health")]
