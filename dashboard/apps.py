"""What Django does when it starts: registers our checks and our admin."""

from django.apps import AppConfig
from django.contrib.admin.apps import SimpleAdminConfig


class DashboardConfig(AppConfig):
    name = "dashboard"
    verbose_name = "People and jobs"

    def ready(self) -> None:
        from dashboard import checks  # noqa: F401  # importing it registers them


class AdminConfig(SimpleAdminConfig):
    """Shows our models only: without autodiscovery, Django's own, such as groups, have no page."""

    default_site = "dashboard.admin.site.AdminSite"

    def ready(self) -> None:
        super().ready()
        from dashboard.admin import accounts, clients, credentials, people, protocol, usage  # noqa: F401  # importing them registers their models
