"""The first start and every later one make missing files, keep existing ones, and report each mistake in one line."""

import json
import os
import shutil
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from dashboard.instance import server_certificate
from tests.servers.conftest import ROOT, Server
from tests.servers.nursery import may_be_forked, nursery

PACKAGES = ("clients", "dashboard", "oauth")


def slowly(*values):  # type: ignore[no-untyped-def]
    """Each takes a process, and shows another spelling of what those beside it show."""
    return [pytest.param(*(value if isinstance(value, tuple) else [value]), marks=pytest.mark.slow) for value in values]


class Checkout:
    """A copy of the program, so that its .env isn't the developer's. begun: what its first start made."""

    def __init__(self, directory: Path, begun: Path) -> None:
        self.directory, self.begun = directory, begun
        self.env_file = directory / ".env"
        self.data_dir = directory / "var"

    def begin(self) -> None:
        """As the first start leaves it."""
        shutil.copytree(self.begun, self.directory, dirs_exist_ok=True)

    def clear(self) -> None:
        for path in self.directory.iterdir():
            if path.is_dir() and path.name not in PACKAGES:
                shutil.rmtree(path)
            elif path.is_file():
                path.unlink()

    def bootstrap(self, **environment: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "dashboard.instance.bootstrap"]
        environment |= {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}
        if may_be_forked(environment):
            done = nursery().run("dashboard.instance.bootstrap", environment=environment, cwd=self.directory)
            return subprocess.CompletedProcess(command, done.returncode, done.stdout.decode(), done.stderr.decode())
        return subprocess.run(command, cwd=self.directory, env=environment, capture_output=True, text=True, timeout=60, check=False)

    def refuse(self, **environment: str) -> str:
        """Return the one line with which it refuses, having changed nothing."""
        before = self.contents()
        done = self.bootstrap(**environment)
        assert done.returncode == 1
        assert done.stdout == ""
        assert done.stderr.count("\n") == 1, done.stderr
        assert self.contents() == before
        return done.stderr

    def contents(self) -> dict[str, bytes]:
        return {str(file.relative_to(self.directory)): file.read_bytes() for file in [*self.directory.glob(".env"), *self.data_dir.rglob("*.pem")]}


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    checkout = Checkout(tmp_path_factory.mktemp("checkout"), tmp_path_factory.mktemp("begun"))
    for package in PACKAGES:
        shutil.copytree(ROOT / package, checkout.directory / package)
    assert checkout.bootstrap().returncode == 0
    shutil.copytree(checkout.data_dir, checkout.begun / "var")
    shutil.copy2(checkout.env_file, checkout.begun)
    return checkout


@pytest.fixture
def checkout(copied: Checkout) -> Checkout:
    copied.clear()
    return copied


def keys_in(file: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in file.read_text().splitlines() if "=" in line and not line.startswith("#"))


def test_first_start_makes_everything_and_says_so(checkout: Checkout) -> None:
    done = checkout.bootstrap()
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) == 4
    assert set(checkout.contents()) == {".env", "var/tls/ca.pem", "var/tls/ca-key.pem", "var/tls/server.pem"}
    assert stat.S_IMODE(checkout.env_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(checkout.data_dir.stat().st_mode) == 0o700
    keys = keys_in(checkout.env_file)
    assert set(keys) == {"SECRET_KEY", "KEY_ENCRYPTION_KEYS"}
    assert all(len(key) >= 43 and not key.startswith("$") for key in keys.values())
    assert not any(key in done.stdout for key in keys.values())


def test_second_start_changes_nothing(checkout: Checkout) -> None:
    checkout.begin()
    before = checkout.contents()
    done = checkout.bootstrap()
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert checkout.contents() == before


def test_own_lines_of_env_are_kept(checkout: Checkout) -> None:
    checkout.env_file.write_text("# mine\nPORT=9000\nSECRET_KEY=\nexport KEY_ENCRYPTION_KEYS=" + "k" * 40)
    assert checkout.bootstrap().returncode == 0
    text = checkout.env_file.read_text()
    assert text.startswith("# mine\nPORT=9000\nexport KEY_ENCRYPTION_KEYS=" + "k" * 40 + "\nSECRET_KEY=")
    assert text.count("SECRET_KEY=") == 1
    assert stat.S_IMODE(checkout.env_file.stat().st_mode) == 0o600


def test_keys_of_the_environment_are_not_written_down(checkout: Checkout) -> None:
    assert checkout.bootstrap(SECRET_KEY="s" * 40, KEY_ENCRYPTION_KEYS="k" * 40).returncode == 0
    assert not checkout.env_file.exists()


def test_empty_key_of_the_environment_counts_as_none(checkout: Checkout) -> None:
    checkout.begin()
    before = checkout.contents()
    assert checkout.bootstrap(SECRET_KEY="", KEY_ENCRYPTION_KEYS=" ").returncode == 0
    assert checkout.contents() == before


@pytest.mark.parametrize("lost", ["SECRET_KEY", "KEY_ENCRYPTION_KEYS"])
def test_lost_key_is_not_made_again_where_there_is_a_database(checkout: Checkout, lost: str) -> None:
    checkout.begin()
    (checkout.data_dir / "tokenos.sqlite3").write_bytes(b"SQLite format 3\0")
    checkout.env_file.write_text("".join(line for line in checkout.env_file.read_text().splitlines(keepends=True) if not line.startswith(lost)))
    database = checkout.data_dir / "tokenos.sqlite3"
    assert checkout.refuse().startswith(f"{lost} isn't set, but {database} was made with it. Restore {checkout.env_file} from your backup")


def test_lost_env_is_not_made_again_where_there_is_a_database(checkout: Checkout) -> None:
    checkout.begin()
    (checkout.data_dir / "tokenos.sqlite3").write_bytes(b"SQLite format 3\0")
    checkout.env_file.unlink()
    assert checkout.refuse().startswith("SECRET_KEY and KEY_ENCRYPTION_KEYS aren't set, but ")


@pytest.mark.parametrize("mode", [0o640, *slowly(0o644, 0o604)])
def test_an_env_file_that_others_can_read_is_closed_to_them(checkout: Checkout, mode: int) -> None:
    checkout.begin()
    checkout.env_file.chmod(mode)
    done = checkout.bootstrap()
    assert (done.returncode, done.stdout) == (0, f"Restricted {checkout.env_file} to its owner: changed its mode from {mode:04o} to 0600\n")
    assert stat.S_IMODE(checkout.env_file.stat().st_mode) == 0o600


@pytest.mark.parametrize("mode", [0o777, 0o701, *slowly(0o755, 0o770)])
def test_data_dir_that_was_there_before_is_taken_from_other_users(checkout: Checkout, mode: int) -> None:
    """Somebody who can write there could replace our database, key or script with their own."""
    checkout.begin()
    checkout.data_dir.chmod(mode)
    done = checkout.bootstrap()
    assert (done.returncode, done.stdout) == (0, f"Restricted {checkout.data_dir} to its owner: changed its mode from {mode:04o} to 0700\n")
    assert stat.S_IMODE(checkout.data_dir.stat().st_mode) == 0o700


def test_data_dir_of_another_owner_may_be_meant_for_a_group_but_not_for_everybody(checkout: Checkout) -> None:
    checkout.begin()
    checkout.data_dir.chmod(0o770)
    os.chown(checkout.data_dir, 65534, 65534)
    assert checkout.bootstrap().stdout == ""
    checkout.data_dir.chmod(0o775)
    assert "its mode from 0775 to 0770" in checkout.bootstrap().stdout


def test_folder_that_others_use_too_keeps_its_mode(checkout: Checkout) -> None:
    """Such as /var/lib: to take it from them would lock out every other program."""
    shared = checkout.directory / "shared"
    shared.mkdir()
    (shared / "theirs").touch()
    shared.chmod(0o755)
    done = checkout.bootstrap(DATA_DIR=str(shared))
    remedy = f"Use a DATA_DIR that only TokenOS uses and only its owner can enter: chmod 700 {shared}"
    assert f"Warning: other users can look into {shared}. {remedy}\n" in done.stdout
    assert (done.returncode, stat.S_IMODE(shared.stat().st_mode)) == (0, 0o755)


@pytest.mark.parametrize("mode", [0o775, *slowly(0o777, 0o1777)])
def test_folder_in_which_others_can_replace_files_is_refused(checkout: Checkout, mode: int) -> None:
    checkout.begin()
    shared = checkout.directory / "shared"
    shared.mkdir()
    (shared / "theirs").touch()
    shared.chmod(mode)
    assert f"Other users can replace the files in {shared}." in checkout.refuse(DATA_DIR=str(shared))
    assert stat.S_IMODE(shared.stat().st_mode) == mode


def test_a_line_of_env_without_effect_is_reported_at_every_start(checkout: Checkout) -> None:
    lines = {
        "DATBASE_URL=postgres://nobody:hidden@db/tokenos": "TokenOS has no variable DATBASE_URL. Did you mean DATABASE_URL?",
        "export port = 9443": "TokenOS has no variable port. Did you mean PORT?",
        "TSL=off": "TokenOS has no variable TSL. Did you mean TLS?",
        "KEY_ENCRYPTION_KEY=" + "k" * 40: "TokenOS has no variable KEY_ENCRYPTION_KEY. Did you mean KEY_ENCRYPTION_KEYS?",
        "PORT=9443": "PORT is set twice. Line 2 counts; remove one of them.",
    }
    checkout.env_file.write_text("\n".join(["# mine", "PORT=9000", "", *lines, ""]))
    expected = [f"{checkout.env_file}, line {number}: {said}" for number, said in enumerate(lines.values(), start=4)]
    assert set(expected) <= set(checkout.bootstrap().stdout.splitlines())
    assert checkout.bootstrap().stdout.splitlines() == expected


def test_variables_for_other_programs_are_left_alone(checkout: Checkout) -> None:
    names = ["PATH", "LANG", "TZ", "HTTPS_PROXY", "POSTGRES_HOST", "COMPOSE_PROJECT_NAME", "AWS_SECRET_ACCESS_KEY", "DEBUG"]
    checkout.env_file.write_text("".join(f"{name}=1\n" for name in names) + "#PORTS=1\n")
    checkout.bootstrap()
    assert checkout.bootstrap().stdout == ""


def test_number_that_is_none_is_repeated_where_it_cant_be_a_secret(checkout: Checkout) -> None:
    assert checkout.refuse(WEB_CONCURRENCY="many").endswith(", not “many”.\n")
    assert "tos_live" not in checkout.refuse(PORT="tos_live_NU7k1dllJ2")


@pytest.mark.parametrize(
    ("env", "word"),
    [
        ("this is no assignment\n", "line 1"),
        ("PORT=http\n", "PORT"),
        ("TLS=maybe\n", "TLS"),
        ("ISSUER_URL=https://localhost/a/../b\n", "ISSUER_URL has a path"),
        ("TRUSTED_PROXIES=10.0.0.1/8\n", "TRUSTED_PROXIES"),
        ("DATABASE_URL=mysql://localhost/a\n", "DATABASE_URL"),
        ("CACHE_URL=redis://[\n", "CACHE_URL"),
        ("DATA_DIR=~nobody-of-this-name/var\n", "DATA_DIR"),
        ("SECRET_KEY=short\n", "SECRET_KEY"),
        *slowly(
            ("PORT=70000\n", "PORT"),
            ("ISSUER_URL=http://localhost\n", "ISSUER_URL"),
            ("ISSUER_URL=https://localhost/a//b\n", "ISSUER_URL has a path"),
            ("ISSUER_URL=https://localhost/%61\n", "ISSUER_URL has a path"),
            ("ISSUER_URL=https://localhost/.well-known\n", "ISSUER_URL has a path"),
            ("CACHE_URL=memcached://localhost\n", "CACHE_URL"),
            ("CACHE_URL=redis://localhost:99999/0\n", "CACHE_URL"),
            ("DATA_DIR=var\0\n", "line 1"),
            ("KEY_ENCRYPTION_KEYS=short\n", "KEY_ENCRYPTION_KEYS"),
        ),
    ],
)
def test_broken_env_prints_one_line(checkout: Checkout, env: str, word: str) -> None:
    checkout.env_file.write_text(env)
    assert word in checkout.refuse()


def test_env_that_is_no_text_prints_one_line(checkout: Checkout) -> None:
    checkout.env_file.write_bytes(b"\xff\xfe\x00")
    assert ".env" in checkout.refuse()


def test_unwritable_data_dir_prints_one_line(checkout: Checkout) -> None:
    (checkout.directory / "file").write_text("")
    assert "DATA_DIR" in checkout.refuse(DATA_DIR=str(checkout.directory / "file" / "var"))


def test_unreadable_certificate_prints_one_line(checkout: Checkout) -> None:
    checkout.begin()
    (checkout.data_dir / "tls" / "server.pem").write_text("nothing\n")
    assert "server.pem" in checkout.refuse()


def test_missing_ca_key_prints_one_line_only_when_it_is_needed(checkout: Checkout) -> None:
    checkout.begin()
    (checkout.data_dir / "tls" / "ca-key.pem").unlink()
    assert checkout.bootstrap().returncode == 0
    assert "ca-key.pem" in checkout.refuse(ISSUER_URL="https://tokens.example.com")


def test_simultaneous_starts_agree(checkout: Checkout) -> None:
    with ThreadPoolExecutor(6) as pool:
        assert [done.returncode for done in pool.map(lambda _: checkout.bootstrap(), range(6))] == [0] * 6
    assert checkout.env_file.read_text().count("SECRET_KEY=") == 1
    certificate, key = load(checkout.data_dir / "tls")
    assert certificate.public_key() == key.public_key()
    assert not [file for file in checkout.directory.rglob(".*.*") if file.name != ".env"]


def load(directory: Path):  # type: ignore[no-untyped-def]
    pem = (directory / "server.pem").read_bytes()
    certificate = x509.load_pem_x509_certificates(pem)[0]
    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate((directory / "ca.pem").read_bytes()))
    return certificate, serialization.load_pem_private_key(pem, None)


def test_certificate_is_renewed_thirty_days_before_its_end(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    assert server_certificate.renew(tmp_path, "localhost", now=now)
    first, _ = load(tmp_path)
    authority = (tmp_path / "ca.pem").read_bytes()
    assert server_certificate.renew(tmp_path, "localhost", now=now + timedelta(days=59)) is None
    assert server_certificate.renew(tmp_path, "localhost", now=now + timedelta(days=61))
    second, _ = load(tmp_path)
    assert second.not_valid_after_utc - first.not_valid_after_utc == timedelta(days=61)
    assert (tmp_path / "ca.pem").read_bytes() == authority


def test_certificate_is_renewed_for_another_host(tmp_path: Path) -> None:
    server_certificate.renew(tmp_path, "tokens.example.com")
    names = load(tmp_path)[0].extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["tokens.example.com", "localhost"]
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1"]
    assert server_certificate.renew(tmp_path, "tokens.example.com") is None
    assert server_certificate.renew(tmp_path, "192.0.2.1")


def test_lost_ca_is_replaced_together_with_its_certificate(tmp_path: Path) -> None:
    server_certificate.renew(tmp_path, "localhost")
    (tmp_path / "ca.pem").unlink()
    assert server_certificate.renew(tmp_path, "localhost")
    load(tmp_path)


def test_server_says_when_it_listens_and_when_it_has_stopped(make_server: Callable[..., Server]) -> None:
    server = make_server()
    assert server.stop() == 0
    assert [json.loads(line)["message"].split()[0] for line in server.log.read_text().splitlines()] == ["Listening", "Stopped."]


def test_empty_web_concurrency_counts_as_not_set_for_make_run(make_server: Callable[..., Server]) -> None:
    """gunicorn reads it too, before it reads our configuration, and wants a number."""
    server = make_server(start=False)
    server.environment["WEB_CONCURRENCY"] = ""
    recipe = subprocess.run(["make", "--dry-run", "run"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    with server.log.open("ab") as log:
        command = ["sh", "-c", recipe[-1].replace(".venv/bin/python", sys.executable)]
        server.process = subprocess.Popen(command, cwd=ROOT, env=server.environment, stdout=log, stderr=log)
    server.wait_until_ready()
    assert server.stop() == 0


def test_port_in_use_prints_one_line(make_server: Callable[..., Server]) -> None:
    server = make_server(start=False)
    with socket.socket() as other:
        other.bind(("127.0.0.1", server.port))
        other.listen()
        done = server.run("-m", "gunicorn", "-c", "dashboard/gunicorn.py")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    assert f"Port {server.port} is in use" in done.stderr
    assert f"set another port in .env, for example PORT={server.port % 65535 + 1}." in done.stderr


@pytest.mark.parametrize(("setting", "value"), [("PORT", "http"), ("HOST", "192.0.2.77"), ("SECRET_KEY", "")])
def test_gunicorn_refuses_a_wrong_setting_in_one_line(make_server: Callable[..., Server], setting: str, value: str) -> None:
    server = make_server(start=False)
    server.environment[setting] = value
    done = server.run("-m", "gunicorn", "-c", "dashboard/gunicorn.py")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1, done.stderr
    assert setting in done.stderr


def test_gunicorn_without_a_certificate_prints_one_line(make_server: Callable[..., Server]) -> None:
    server = make_server(start=False)
    (server.data_dir / "tls" / "server.pem").unlink()
    done = server.run("-m", "gunicorn", "-c", "dashboard/gunicorn.py")
    assert done.returncode == 1
    assert "make setup" in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
