"""Invalid combinations of settings are refused at the start."""

from ipaddress import ip_network
from pathlib import Path

import pytest
from django.core.checks import run_checks

from dashboard.instance import environment
from dashboard.instance.checks import check_settings, refuse_mistakes


@pytest.fixture
def ids(settings):
    """What the checks find with the given settings."""

    def find(**changed):
        for name, value in changed.items():
            setattr(settings, name, value)
        messages = check_settings()
        assert all(message.hint for message in messages)
        return [message.id for message in messages]

    return find


def test_the_defaults_are_fine(ids):
    assert ids() == []


@pytest.mark.parametrize("host", ["0.0.0.0", "10.0.0.1", "::", "tokens.example.com"])
def test_clear_text_from_afar_is_an_error(ids, host):
    assert ids(TLS=False, HOST=host) == ["dashboard.E001"]


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_clear_text_on_this_machine_is_a_warning(ids, host):
    assert ids(TLS=False, HOST=host) == ["dashboard.W001"]


def test_clear_text_from_a_trusted_proxy_is_fine(ids):
    assert ids(TLS=False, HOST="10.0.0.1", TRUSTED_PROXIES=[ip_network("10.0.0.0/8")]) == []


@pytest.mark.parametrize("network", ["0.0.0.0/0", "::/0"])
def test_trusting_everybody_as_proxy_is_an_error(ids, network):
    assert ids(TRUSTED_PROXIES=[ip_network("10.0.0.0/8"), ip_network(network)]) == ["dashboard.E002"]


def test_any_host_is_a_warning(ids):
    assert ids(ALLOWED_HOSTS=["*"]) == ["dashboard.W002"]


@pytest.mark.parametrize("issuer", ["https://tokens.example.com", "https://tokens.example.com:8443", "https://[2001:db8::1]"])
def test_an_issuer_that_is_not_answered_is_a_warning(ids, issuer):
    assert ids(ISSUER_URL=issuer, ALLOWED_HOSTS=["localhost"]) == ["dashboard.W003"]


@pytest.mark.parametrize(
    ("issuer", "host"),
    [("https://tokens.example.com:8443", "tokens.example.com"), ("https://tokens.example.com", ".example.com"), ("https://[2001:db8::1]", "[2001:db8::1]")],
)
def test_an_issuer_that_is_answered_is_fine(ids, issuer, host):
    assert ids(ISSUER_URL=issuer, ALLOWED_HOSTS=[host]) == []


@pytest.mark.parametrize("folder", ["missing", "file"])
def test_a_database_where_nothing_can_be_written_is_an_error(ids, monkeypatch, settings, tmp_path, folder):
    (tmp_path / "file").touch()
    monkeypatch.setitem(settings.DATABASES["default"], "NAME", str(tmp_path / folder / "tokenos.sqlite3"))
    assert ids() == ["dashboard.E003"]


def test_postgresql_needs_no_folder(ids, monkeypatch, settings):
    monkeypatch.setitem(settings.DATABASES["default"], "ENGINE", "django.db.backends.postgresql")
    monkeypatch.setitem(settings.DATABASES["default"], "NAME", "/missing/tokenos")
    assert ids() == []


def test_one_key_for_two_purposes_is_an_error(ids, settings):
    assert ids(KEY_ENCRYPTION_KEYS=[*settings.KEY_ENCRYPTION_KEYS, settings.SECRET_KEY]) == ["dashboard.E004"]


@pytest.mark.parametrize(
    ("host", "found"), [("127.0.0.1", []), ("::1", []), ("localhost", []), ("0.0.0.0", ["dashboard.E005"]), ("192.0.2.1", ["dashboard.E005"])]
)
def test_debug_is_for_this_machine_alone(ids, host, found):
    assert ids(DEBUG=True, HOST=host) == found
    assert ids(DEBUG=False, HOST=host) == []


def test_no_message_repeats_a_key(settings):
    settings.KEY_ENCRYPTION_KEYS = [settings.SECRET_KEY]
    assert settings.SECRET_KEY not in str(check_settings())


def test_commands_run_them(settings):
    settings.ALLOWED_HOSTS = ["*"]
    assert "dashboard.W002" in [message.id for message in run_checks()]


def test_the_server_refuses_to_start_with_a_line_for_each_error(settings):
    settings.KEY_ENCRYPTION_KEYS = [settings.SECRET_KEY]
    settings.TRUSTED_PROXIES = [ip_network("0.0.0.0/0")]
    with pytest.raises(SystemExit) as refused:
        refuse_mistakes()
    lines = str(refused.value).splitlines()
    assert [line[-17:] for line in lines] == [" (dashboard.E002)", " (dashboard.E004)"]


def test_the_server_starts_with_a_warning(settings):
    settings.TLS = False
    refuse_mistakes()


@pytest.fixture
def ids_on(ids, settings, monkeypatch):
    """What the checks find with that DATABASE_URL."""

    def find(url):
        monkeypatch.setenv("DATABASE_URL", url)
        monkeypatch.setitem(settings.DATABASES, "default", environment.database("DATABASE_URL", default="", base=Path()))
        return ids()

    return find


@pytest.mark.parametrize(
    "url",
    [
        "postgres://tokenos:x@db.example.com/tokenos",
        "postgres://tokenos:x@10.0.0.7/tokenos?sslmode=prefer",
        "postgres://tokenos:x@localhost,db.example.com:5432/tokenos",
    ],
)
def test_postgresql_on_another_machine_without_tls_is_a_warning(ids_on, url):
    assert ids_on(url) == ["dashboard.W006"]


@pytest.mark.parametrize(
    "url",
    [
        "postgres://tokenos:x@localhost/tokenos",
        "postgres://tokenos:x@127.0.0.1:6432/tokenos",
        "postgres://tokenos:x@[::1]:5432/tokenos",
        "postgres:///tokenos",
        "postgres://tokenos:x@db.example.com/tokenos?sslmode=require",
        "postgres://tokenos:x@db.example.com/tokenos?sslmode=verify-full",
    ],
)
def test_postgresql_on_this_machine_or_with_tls_is_fine(ids_on, url):
    assert ids_on(url) == []


@pytest.mark.parametrize(
    ("url", "found"), [("redis://cache.example.com", ["dashboard.W007"]), ("redis://127.0.0.1:6379/1", []), ("rediss://cache.example.com", [])]
)
def test_redis_on_another_machine_without_tls_is_a_warning(ids, url, found):
    assert ids(CACHES={"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": url}}) == found


@pytest.mark.parametrize(
    ("host", "tls", "found"), [("mail.example.com", False, ["dashboard.W008"]), ("mail.example.com", True, []), ("localhost", False, []), ("::1", False, [])]
)
def test_mail_server_on_another_machine_without_tls_is_a_warning(ids, host, tls, found):
    smtp = {"EMAIL_BACKEND": "dashboard.instance.mail.smtp.Backend", "EMAIL_USE_SSL": False}
    assert ids(**smtp, EMAIL_HOST=host, EMAIL_USE_TLS=tls) == found
