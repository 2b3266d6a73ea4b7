"""Every setting, in the order of docs/configuration.md. The environment has precedence over .env.

A plain module that gunicorn's configuration also imports, so nothing here may need Django to be set up.
"""

import os
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dashboard.instance import environment

BASE_DIR = Path(__file__).resolve().parent.parent

environment.read_file(BASE_DIR / ".env")

# Addresses and folders

DATA_DIR = environment.path("DATA_DIR", default="var", base=BASE_DIR)
HOST = environment.listening("HOST", default="127.0.0.1")
PORT = environment.integer("PORT", default=8443, least=1, most=65535)
WEB_CONCURRENCY = environment.integer("WEB_CONCURRENCY", default=os.cpu_count() or 1, least=1, most=1024)
TLS = environment.switch("TLS", default=True)
TRUSTED_PROXIES: list[IPv4Network | IPv6Network] = environment.networks("TRUSTED_PROXIES", default="")
CLIENT_CERT_HEADER = environment.choice("CLIENT_CERT_HEADER", default="Client-Cert", of=environment.CLIENT_CERT_HEADERS)

# Names

ISSUER_URL = environment.issuer("ISSUER_URL", default=f"https://localhost:{PORT}")
ALLOWED_HOSTS = environment.words("ALLOWED_HOSTS", default=f"{environment.host(ISSUER_URL)},localhost,127.0.0.1")

# Stores

DATABASES: dict[str, dict[str, Any]] = {"default": environment.database("DATABASE_URL", default=f"sqlite:///{DATA_DIR}/tokenos.sqlite3", base=BASE_DIR)}
CACHES = {"default": environment.cache("CACHE_URL")}
locals().update(environment.email("EMAIL_URL"))
DEFAULT_FROM_EMAIL = environment.sender("EMAIL_FROM", default=f"TokenOS <no-reply@{urlsplit(ISSUER_URL).hostname}>")
METRICS_ALLOWED = environment.networks("METRICS_ALLOWED", default="127.0.0.0/8,::1/128")

# Keys

SECRET_KEY = environment.key("SECRET_KEY")
KEY_ENCRYPTION_KEYS = environment.keys("KEY_ENCRYPTION_KEYS")
SIGNING_KEY_ROTATION_DAYS = environment.integer("SIGNING_KEY_ROTATION_DAYS", default=90, least=0, most=3650)

# Argon2id for clients' secrets: OWASP's first recommended parameters (memory in KiB). Secrets that were hashed with other parameters are rehashed at their next
# use.
ARGON2_MEMORY_COST = environment.integer("ARGON2_MEMORY_COST", default=19456, least=7168, most=4194304)
ARGON2_TIME_COST = environment.integer("ARGON2_TIME_COST", default=2, least=1, most=100)

# Limits on failed client authentication, within FAILURE_WINDOW seconds.
FAILURES_PER_CLIENT = environment.integer("FAILURES_PER_CLIENT", default=20, least=1, most=1000000)
FAILURES_PER_ADDRESS = environment.integer("FAILURES_PER_ADDRESS", default=100, least=1, most=1000000)
FAILURE_WINDOW = environment.integer("FAILURE_WINDOW", default=300, least=1, most=86400)

# Whether a DPoP proof must contain a nonce from us (RFC 9449 §8).
DPOP_NONCE = environment.switch("DPOP_NONCE", default=False)

# Hosts of jwks_uris that may have a private address.
OUTBOUND_ALLOWED_HOSTS = environment.words("OUTBOUND_ALLOWED_HOSTS", default="")

# Single sign-on by OpenID Connect; off while SSO_ISSUER is empty.
SSO_ISSUER = environment.provider("SSO_ISSUER", default="")
SSO_CLIENT_ID = environment.text("SSO_CLIENT_ID", default="")
SSO_CLIENT_SECRET = environment.text("SSO_CLIENT_SECRET", default="")
SSO_NAME = environment.text("SSO_NAME", default="single sign-on")
SSO_ROLES: list[tuple[str, str, str]] = environment.roles("SSO_ROLES", default="")
SSO_GROUPS_CLAIM = environment.text("SSO_GROUPS_CLAIM", default="groups")
SSO_SCOPES = environment.text("SSO_SCOPES", default="openid email profile").split()
SSO_DOMAINS = environment.words("SSO_DOMAINS", default="")
SSO_CA = environment.text("SSO_CA", default="")

# Retention, in days.
USAGE_RETENTION_DAYS = environment.integer("USAGE_RETENTION_DAYS", default=400, least=1, most=36500)
REQUEST_RETENTION_DAYS = environment.integer("REQUEST_RETENTION_DAYS", default=30, least=1, most=36500)
AUDIT_RETENTION_DAYS = environment.integer("AUDIT_RETENTION_DAYS", default=400, least=400, most=36500)

# For developers only: error pages show the cause.
DEBUG = environment.switch("DEBUG", default=False)

# Django

ROOT_URLCONF = "dashboard.urls"
WSGI_APPLICATION = "dashboard.wsgi.application"
INSTALLED_APPS = [
    "dashboard.apps.DashboardConfig",
    "oauth",
    "clients",
    "dashboard.apps.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "dashboard.apps.SessionsConfig",
]
MIDDLEWARE = [
    "dashboard.frame.middleware.ConnectionMiddleware",
    "dashboard.frame.middleware.StrictTransportMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "dashboard.health.operations.OperationsMiddleware",
    "dashboard.frame.content_security_policy.ContentSecurityPolicyMiddleware",
    "dashboard.frame.caching.NoStoreMiddleware",
    "dashboard.frame.middleware.SecureOnlyMiddleware",
    "dashboard.frame.middleware.ShortLocationMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "dashboard.frame.middleware.FormEncodingMiddleware",
    "dashboard.frame.middleware.SessionKeyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "dashboard.frame.middleware.HostMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "dashboard.frame.confirmation.ConfirmationMiddleware",
    "dashboard.people.kept_by_browser.KeptByBrowserMiddleware",
    "dashboard.frame.middleware.SessionActivityMiddleware",
    "dashboard.frame.middleware.AccessMiddleware",
    "dashboard.frame.middleware.MethodNotAllowedMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "dashboard.frame.context.frame",
            ],
            "libraries": {
                "charts": "dashboard.usage.tags",
                "components": "dashboard.frame.tags.components",
                "lifelines": "dashboard.client.tags",
                "quoting": "dashboard.frame.snippets.quoting",
                "sso": "dashboard.frame.tags.sso",
                "terminal": "dashboard.frame.tags.terminal",
            },
        },
    }
]

AUTH_USER_MODEL = "dashboard.User"
PASSWORD_HASHERS = ["dashboard.people.password_hasher.PatientArgon2PasswordHasher"]
MESSAGE_STORAGE = "dashboard.frame.message_storage.Storage"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "dashboard.people.password_rules.LongEnough", "OPTIONS": {"min_length": 12}},
    {"NAME": "dashboard.people.password_rules.NotAboutThisPlace"},
    {"NAME": "dashboard.people.password_rules.NotAlike", "OPTIONS": {"user_attributes": ("email", "name")}},
    {"NAME": "dashboard.people.password_rules.NotBreached"},
]

# Accounts: django-allauth. Sign-up is by invitation; throttling is ours, in the database (dashboard/people/throttling.py).
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
ACCOUNT_ADAPTER = "dashboard.people.account_adapter.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_EMAIL_NOTIFICATIONS = False
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https"
ACCOUNT_RATE_LIMITS = False
ACCOUNT_REAUTHENTICATION_TIMEOUT = 600
PASSWORD_RESET_TIMEOUT = 3600
MFA_ADAPTER = "dashboard.people.account_adapter.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_WEBAUTHN_USER_VERIFICATION = "required"
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_TOTP_ISSUER = "TokenOS"
MFA_TOTP_TOLERANCE = 1

# CSS classes of messages in static/css/app.css, by level.
MESSAGE_TAGS = {25: "ok", 30: "warn", 40: "bad"}

# Pasted and uploaded data stays in memory, because it may contain secrets. dashboard/asgi.py limits its size before Django sees it.
DATA_UPLOAD_MAX_MEMORY_SIZE = FILE_UPLOAD_MAX_MEMORY_SIZE = 16 * 1024 * 1024
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]

USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
FORMAT_MODULE_PATH = ["dashboard.frame.formats"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# A user is signed out after this time without a request, and no later than SESSION_LONGEST_AGE after signing in.
SESSION_COOKIE_AGE = 12 * 3600
SESSION_LONGEST_AGE = 7 * 24 * 3600
SESSION_ENGINE = "dashboard.people.session_store"
SESSION_COOKIE_SECURE = True
SESSION_COOKIE_NAME = "__Host-session"
CSRF_COOKIE_SECURE = True
CSRF_COOKIE_NAME = "__Host-csrf"
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "dashboard.frame.errors.csrf_failure"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

LOGGING_CONFIG = "dashboard.instance.logs.configure"
LOGGING: dict[str, Any] = {"level": "INFO"}
