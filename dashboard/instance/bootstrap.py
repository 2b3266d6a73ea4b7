"""Makes the files that Django needs to start: .env with its generated keys, DATA_DIR, the local CA and the server certificate.

Run “python -m dashboard.instance.bootstrap” as often as you like: it only adds what is missing. An error is one line on stderr and exit status 1.
"""

import os
import re
import secrets
import stat
import sys
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from dashboard.instance import environment, server_certificate
from dashboard.instance.files import locked, write_private

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")

BASE_DIR = Path(__file__).resolve().parent.parent.parent
# The contents of a DATA_DIR besides the database.
_OURS = frozenset({"tls", "mail", "static", "static.sha256", "health.json", "demo-client.curl", "lost+found"})
KEYS = ("SECRET_KEY", "KEY_ENCRYPTION_KEYS")


def main() -> int:
    os.umask(0o077)
    try:
        for step in (prepare_environment, protect_environment, protect_data_dir, warn_of_mistakes, renew_certificate):
            done = step()
            if done:
                print(done, flush=True)
    except (ImproperlyConfigured, server_certificate.CertificateError) as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        print(f"{error.filename or BASE_DIR}: {error.strerror}. TokenOS must be able to write there; see DATA_DIR in .env.", file=sys.stderr)
        return 1
    return 0


def protect_environment(file: Path = BASE_DIR / ".env") -> str | None:
    """Make it accessible only to its owner. If somebody else owns it, they may want a group to read it, and a service may only be allowed to read."""
    if not file.is_file():
        return None
    status = file.stat()
    mode = stat.S_IMODE(status.st_mode)
    if not mode & (0o077 if status.st_uid == os.geteuid() else 0o007):
        return None
    try:
        file.chmod(0o600)
    except OSError:
        return f"Warning: other users can read {file} and the keys in it. Its owner can change that: chmod 600 {file}"
    return f"Restricted {file} to its owner: changed its mode from {mode:04o} to 0600"


def protect_data_dir() -> str | None:
    """Make it accessible only to its owner, like protect_environment, unless it contains other things, so that other users aren't locked out of /tmp or
    /var/lib.

    Raise ImproperlyConfigured if other users could still replace our files.
    """
    directory, status = settings.DATA_DIR, settings.DATA_DIR.stat()
    mode = stat.S_IMODE(status.st_mode)
    open_to = mode & (0o077 if status.st_uid == os.geteuid() else 0o007)
    if not open_to:
        return None
    if all(entry.name in _OURS or entry.name.startswith("tokenos.sqlite3") for entry in directory.iterdir()):
        with suppress(OSError):
            directory.chmod(mode & ~open_to)
            return f"Restricted {directory} to its owner: changed its mode from {mode:04o} to {mode & ~open_to:04o}"
    remedy = f"Use a DATA_DIR that only TokenOS uses and only its owner can enter: chmod 700 {directory}"
    if open_to & 0o022:
        raise ImproperlyConfigured(f"Other users can replace the files in {directory}. {remedy}")
    return f"Warning: other users can look into {directory}. {remedy}"


def prepare_environment(file: Path = BASE_DIR / ".env") -> str | None:
    """Generate the keys that are missing in the environment and the file, make DATA_DIR, and write the keys into the file. Returns a sentence about what was
    done, or None.

    A database is unreadable without its own keys, so if there is a database, missing keys are an error.
    """
    with locked(file.parent):
        for name in KEYS:
            # A variable that is set but empty would hide the one in the file.
            if not os.environ.get(name, "").strip():
                os.environ.pop(name, None)
        environment.read_file(file)
        missing = [name for name in KEYS if not os.environ.get(name, "").strip()]
        database = _find_database() if missing else None
        if database is not None:
            names = " and ".join(missing)
            verb, them = ("isn't", "it") if len(missing) == 1 else ("aren't", "them")
            raise ImproperlyConfigured(
                f"{names} {verb} set, but {database} was made with {them}. Restore {file} from your backup, or set {them} in the environment."
            )
        for name in missing:
            os.environ[name] = secrets.token_urlsafe(48)
        # Now the settings can be read. If they have any other mistake, no file is written.
        created = create_data_dir()
        if not missing:
            return created
        text = file.read_text(encoding="utf-8") if file.exists() else "# Keep a backup: without KEY_ENCRYPTION_KEYS the database is useless.\n"
        # The first of two assignments counts, so an empty one must be removed.
        lines = [line for line in text.splitlines() if not re.fullmatch(rf"\s*(export\s+)?({'|'.join(missing)})\s*=\s*", line)]
        lines += [f"{name}={os.environ[name]}" for name in missing]
        write_private(file.resolve(), ("\n".join(lines) + "\n").encode())
    generated = f"Generated {' and '.join(missing)}: {file} (keep a backup)"
    return f"{created}\n{generated}" if created else generated


def warn_of_mistakes(file: Path = BASE_DIR / ".env") -> str | None:
    """Warn of lines without effect. Call it after prepare_environment, which reads the settings and so every variable."""
    return "\n".join(environment.find_mistakes(file, environment.read_names)) or None


def create_data_dir() -> str | None:
    if settings.DATA_DIR.is_dir():
        return None
    settings.DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
    return f"Created {settings.DATA_DIR}"


def renew_certificate() -> str | None:
    """Renew the server certificate if it is due. Returns lines to print about it, or None. Raise CertificateError, OSError."""
    if not settings.TLS:
        return None
    directory = settings.DATA_DIR / "tls"
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    return server_certificate.renew(directory, urlsplit(settings.ISSUER_URL).hostname or "localhost")


def _find_database() -> Path | None:
    data_dir = environment.path("DATA_DIR", default="var", base=BASE_DIR)
    configuration = environment.database("DATABASE_URL", default=f"sqlite:///{data_dir}/tokenos.sqlite3", base=BASE_DIR)
    file = Path(configuration["NAME"])
    return file if "sqlite" in configuration["ENGINE"] and file.is_file() and file.stat().st_size else None


if __name__ == "__main__":
    sys.exit(main())
