"""manage.py diffsettings: says where the settings are. Django's command of this name would print the keys among them."""

from dashboard.management.refused import RefusedCommand


class Command(RefusedCommand):
    help = "Prints nothing, because the settings contain keys, and says where to find the settings."
    instead = "TokenOS doesn't print its settings, because they contain keys. Look in .env and in the environment; docs/configuration.md explains each."
