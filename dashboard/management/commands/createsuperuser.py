"""manage.py createsuperuser: names the commands to use instead. Django's command of this name would make an account without an audit event."""

from dashboard.management.refused import RefusedCommand


class Command(RefusedCommand):
    help = "Creates nothing, and says what to use instead: prepare creates the administrator's account, changepassword sets its password."
    instead = (
        "TokenOS has no createsuperuser: “.venv/bin/python manage.py prepare” makes the instance's administrator at the first start. "
        "For a new password, run “.venv/bin/python manage.py changepassword EMAIL”."
    )
