"""Django for any WSGI server. make run doesn't use it: dashboard/asgi.py answers the protocol without Django."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")

application = get_wsgi_application()
