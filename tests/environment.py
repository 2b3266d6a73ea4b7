"""The environment of every test, set before Django reads its settings: nothing of the developer's .env or DATA_DIR is used."""

import os
import tempfile
from pathlib import Path

for name in (
    "ISSUER_URL",
    "ALLOWED_HOSTS",
    "DATABASE_URL",
    "CACHE_URL",
    "EMAIL_URL",
    "EMAIL_FROM",
    "TRUSTED_PROXIES",
    "CLIENT_CERT_HEADER",
    "METRICS_ALLOWED",
    "TLS",
    "HOST",
    "PORT",
    "OUTBOUND_ALLOWED_HOSTS",
    "SSO_ISSUER",
    "SSO_CLIENT_ID",
    "SSO_CLIENT_SECRET",
    "SSO_NAME",
    "SSO_ROLES",
    "SSO_GROUPS_CLAIM",
    "SSO_SCOPES",
    "SSO_DOMAINS",
    "SSO_CA",
    "DPOP_NONCE",
    "DEBUG",
):
    os.environ[name] = ""
# In memory, if possible: on a disk, the database would wait at each commit, and in-process tests survive no crash of the machine anyway. tests/servers uses the
# disk.
_MEMORY = Path("/dev/shm")
os.environ["DATA_DIR"] = tempfile.mkdtemp(prefix="tokenos-tests-", dir=_MEMORY if os.access(_MEMORY, os.W_OK) else None)
os.environ["SECRET_KEY"] = "only-for-tests-" + "0" * 40
os.environ["KEY_ENCRYPTION_KEYS"] = "only-for-tests-" + "1" * 40
# The minimum cost of argon2id, so that fixtures are quick; tests of the parameters set their own.
os.environ["ARGON2_MEMORY_COST"] = "7168"
os.environ["ARGON2_TIME_COST"] = "1"
os.environ["DJANGO_SETTINGS_MODULE"] = "dashboard.settings"
