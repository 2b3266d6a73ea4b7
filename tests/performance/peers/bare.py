"""The yardstick: Django's smallest answer, a constant JSON object from a view without middleware, database or body.

Run by stock gunicorn with the thread worker. It sets Content-Length itself, because gunicorn would send chunks instead, which cost more.
"""

from typing import Any

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, JsonResponse
from django.urls import path

settings.configure(ALLOWED_HOSTS=["127.0.0.1"], ROOT_URLCONF=__name__, SECRET_KEY="only-for-the-bench", LOGGING_CONFIG=None, MIDDLEWARE=[])


def answer(_request: HttpRequest) -> JsonResponse:
    response = JsonResponse({"status": "ok"})
    response["Content-Length"] = str(len(response.content))
    return response


urlpatterns = [path("json", answer)]
application: Any = get_wsgi_application()
