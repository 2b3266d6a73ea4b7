"""django-oauth-toolkit's token endpoint, set up as fast as it reasonably goes.

Client secrets are hashed by the fastest hasher that Django has (its default, PBKDF2, takes a tenth of a second), there is no middleware, connections persist
and SQLite runs in WAL mode. By design, it writes a row for each token. BENCH_SYNCHRONOUS=FULL makes each commit durable, as in TokenOS; with NORMAL, a power
loss may lose the last tokens, and commits are cheap.

python -m tests.performance.peers.toolkit COUNT FILE

creates the tables and COUNT clients; FILE gets a line “client_id<TAB>client_secret” for each. The environment's BENCH_DATABASE is the database's file.
"""

import os
import secrets
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.urls import include, path

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="only-for-the-bench",
    LOGGING_CONFIG=None,
    MIDDLEWARE=[],
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "oauth2_provider"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": os.environ["BENCH_DATABASE"],
            "CONN_MAX_AGE": None,
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": f"PRAGMA journal_mode=WAL; PRAGMA synchronous={os.environ['BENCH_SYNCHRONOUS']};",
            },
        }
    },
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    OAUTH2_PROVIDER={"ACCESS_TOKEN_EXPIRE_SECONDS": 3600},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    USE_TZ=True,
)

application: Any = get_wsgi_application()
urlpatterns = [path("o/", include("oauth2_provider.urls", namespace="oauth2_provider"))]


def create(count: int, credentials: Path) -> None:
    from oauth2_provider.models import Application

    call_command("migrate", verbosity=0)
    made = [(f"client{number:012d}", secrets.token_urlsafe(30)) for number in range(count)]
    Application.objects.bulk_create(
        Application(
            client_id=client_id,
            client_secret=client_secret,
            client_type=Application.CLIENT_CONFIDENTIAL,
            authorization_grant_type=Application.GRANT_CLIENT_CREDENTIALS,
        )
        for client_id, client_secret in made
    )
    credentials.write_text("".join(f"{client_id}\t{client_secret}\n" for client_id, client_secret in made))


if __name__ == "__main__":
    create(int(sys.argv[1]), Path(sys.argv[2]))
