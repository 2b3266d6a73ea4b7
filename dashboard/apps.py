"""Django's app configurations: they register our checks, our admin and the listeners that send mail about services' announcements, and leave out work that
django-allauth would do at each sign-in.
"""

from allauth.usersessions.apps import UserSessionsConfig
from django.apps import AppConfig
from django.contrib.admin.apps import SimpleAdminConfig


class DashboardConfig(AppConfig):
    name = "dashboard"
    verbose_name = "People and jobs"

    def ready(self) -> None:
        from clients.services.announcements import listen
        from dashboard.client import client_notices
        from dashboard.instance import checks  # noqa: F401  # importing it registers them
        from dashboard.workspaces import notices

        listen(client_notices.tell_announced)
        listen(notices.tell_announced)


class SessionsConfig(UserSessionsConfig):  # type: ignore[misc]  # django-allauth has no types
    """django-allauth's app without its signals, which at each sign-in read every other session of the account, 9 ms each. dashboard.people.user_sessions makes
    the rows, and removes those of expired sessions.
    """

    def ready(self) -> None:
        pass


class AdminConfig(SimpleAdminConfig):
    """Shows only our models: without autodiscovery, Django's own models, such as groups, have no page."""

    default_site = "dashboard.admin.site.AdminSite"

    def ready(self) -> None:
        super().ready()
        from dashboard.admin import accounts, clients, credentials, people, protocol, usage  # noqa: F401  # importing them registers their models
