"""What must be there before Django can start: .env with its generated keys, DATA_DIR, the local CA and the server certificate.

Run as “python -m dashboard.instance.bootstrap”, as often as wanted: it only adds what is missing. What is wrong is one line on stderr, and exit status 1.
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
# What a DATA_DIR holds, beside the database.
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
    """Close it to everybody but its owner. Another owner may mean a group to read it, and a service may only be let read."""
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
    return f"Closed {file} to other users: its mode was {mode:04o} and is 0600"


def protect_data_dir() -> str | None:
    """Close it to everybody but its owner, as protect_environment, unless something else lies there: nobody is to be locked out of /tmp or /var/lib.

    Raise ImproperlyConfigured where it stays so that others could put files of theirs in the place of ours.
    """
    directory, status = settings.DATA_DIR, settings.DATA_DIR.stat()
    mode = stat.S_IMODE(status.st_mode)
    open_to = mode & (0o077 if status.st_uid == os.geteuid() else 0o007)
    if not open_to:
        return None
    if all(entry.name in _OURS or entry.name.startswith("tokenos.sqlite3") for entry in directory.iterdir()):
        with suppress(OSError):
            directory.chmod(mode & ~open_to)
            return f"Closed {directory} to other users: its mode was {mode:04o} and is {mode & ~open_to:04o}"
    remedy = f"Let DATA_DIR be a folder that only TokenOS uses, and its owner enter: chmod 700 {directory}"
    if open_to & 0o022:
        raise ImproperlyConfigured(f"Other users can replace the files in {directory}. {remedy}")
    return f"Warning: other users can look into {directory}. {remedy}"


def prepare_environment(file: Path = BASE_DIR / ".env") -> str | None:
    """Generate the keys that neither the environment nor the file has, make DATA_DIR, and write the keys into the file. Return what was done, or None.

    Other keys than those that a database was made with would lock it for good, so where there is a database, missing keys are an error.
    """
    with locked(file.parent):
        for name in KEYS:
            # Set but empty, it would hide the one in the file.
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
        # From here on settings can be read. If anything else is wrong with them, nothing is written.
        created = create_data_dir()
        if not missing:
            return created
        text = file.read_text(encoding="utf-8") if file.exists() else "# Keep a backup: without KEY_ENCRYPTION_KEYS the database is useless.\n"
        # Of two assignments the first counts, so an empty one has to go.
        lines = [line for line in text.splitlines() if not re.fullmatch(rf"\s*(export\s+)?({'|'.join(missing)})\s*=\s*", line)]
        lines += [f"{name}={os.environ[name]}" for name in missing]
        write_private(file.resolve(), ("\n".join(lines) + "\n").encode())
    generated = f"Generated {' and '.join(missing)}: {file} (keep a backup)"
    return f"{created}\n{generated}" if created else generated


def warn_of_mistakes(file: Path = BASE_DIR / ".env") -> str | None:
    """What in it has no effect. After prepare_environment, which reads the settings and so asks for every variable there is."""
    return "\n".join(environment.find_mistakes(file, environment.read_names)) or None


def create_data_dir() -> str | None:
    if settings.DATA_DIR.is_dir():
        return None
    settings.DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
    return f"Created {settings.DATA_DIR}"


def renew_certificate() -> str | None:
    """Renew the server certificate if it is due. Return what was done, as lines to print, or None. Raises CertificateError or OSError."""
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
