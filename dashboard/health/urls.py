"""The instance's health, for members."""

from django.urls import path

from dashboard.health import views

urlpatterns = [path("health/", views.health, name="health")]
