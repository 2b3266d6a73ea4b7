"""What is pasted or uploaded may be a whole log, or nothing of ours."""

from datetime import timedelta

import pytest

from clients.leaked_text import find_traces
from clients.models import ClientSecret
from clients.secret import generate
from clients.services.clients import disable_client
from dashboard.leak import findings
from tests import factories, public_keys
from tests.dashboard.conftest import create_public_key, text_of
from tests.dashboard.leak.conftest import ask_for_token, end, look_up


@pytest.mark.long
def test_a_log_is_read_whole_and_each_thing_has_its_own_verdict(adas, demo, billing):
    token = ask_for_token(billing).json()["access_token"]
    second, third = factories.create_client(demo, name="route-planner"), factories.create_client(demo, name="crm-bridge")
    end(third.secret, ago=timedelta(days=2))
    lines = [billing.plaintext, second.plaintext, third.plaintext, token, generate("test").plaintext, "tos_live_x", second.secret.client.client_id]
    log = "\n".join(f'2026-11-24T12:00:00Z level=info msg="{line}"' for line in lines * 200)
    page = look_up(adas, file=log.encode())
    text = text_of(page)
    assert "4 found, 3 working right now" in text
    assert "Revoke all 4" in text
    assert "1 well-formed secret isn’t from this instance." in text
    assert "1 secret is cut off, so nobody can tell whose it is." in text
    assert text.index("billing-sync, Live") < text.index("crm-bridge, Live")
    assert text.count("route-planner, Live") == 1
    for pasted in (billing.plaintext, second.plaintext, third.plaintext, token):
        assert pasted not in page.content.decode()


def test_ids_are_found_in_a_log_too_long_to_ask_for_each_word(adas, demo, billing):
    key = create_public_key(billing.secret.client)
    ids = [billing.secret.secret_id, key.thumbprint]
    page = look_up(adas, "x " * 40_000 + " ".join(ids))
    assert "2 IDs found, which aren’t secret" in text_of(page)
    assert "only its ID" in text_of(page)
    page = look_up(adas, "x " * 40_000 + billing.secret.client.client_id)
    assert "The client ID of billing-sync" in text_of(page)


def test_things_that_can_work_again_are_told_from_those_that_ended_and_so_many_at_most(adas, demo, billing, now, monkeypatch):
    news = [billing, *(factories.create_secret(billing.secret.client) for _ in range(4))]
    text = "\n".join(new.plaintext for new in news)
    disable_client(client=billing.secret.client, actor=factories.TESTS, now=now)
    assert "5 found. None works right now, but they could work again" in text_of(look_up(adas, text))
    monkeypatch.setattr(findings, "MAX_FOUND", 3)
    ClientSecret.objects.update(revoked_at=now)
    said = text_of(look_up(adas, text))
    assert "5 found. None works any more" in said
    assert "The first 3 are shown." in said
    assert "2 more were found. Revoke these first, then look the text up again." in said


def test_tokens_beyond_those_that_are_checked_are_counted(adas, billing, monkeypatch):
    monkeypatch.setattr("oauth.leaked_token.MAX_VERIFIED", 2)
    tokens = [ask_for_token(billing).json()["access_token"] for _ in range(3)]
    assert "1 more token looks like this instance’s." in text_of(look_up(adas, "\n".join(tokens)))


@pytest.mark.parametrize("text", ["hello", "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.c2ln", "\0\0\0", "مرحبا <b>bold</b>"])
def test_the_page_says_if_nothing_is_ours(adas, demo, text):
    assert "No secret or token of this instance found" in text_of(look_up(adas, text))


@pytest.mark.parametrize("piece", [1, 7, 5000])
def test_blank_text_counts_as_empty(adas, billing, monkeypatch, piece):
    """They are searched in parts, so that other threads get their turn."""
    monkeypatch.setattr("dashboard.leak.forms._PIECE", piece)
    page = look_up(adas, " \n\t" * 500)
    assert "Nothing was looked up." in text_of(page)
    assert "Paste what you found, or choose a file." in text_of(page)
    assert "<title>Error: " in page.content.decode()
    assert "Revoke secret" in text_of(look_up(adas, " " * 1499 + billing.plaintext))


@pytest.mark.parametrize("content", [b"\x1f\x8b\x08", b"PK\x03\x04", b"BZh9"])
def test_a_packed_file_is_refused_for_nothing_in_it_could_be_read(adas, content):
    assert "Decompress it first. Nothing in it was read." in text_of(look_up(adas, file=content))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_a_file_is_read_in_the_encodings_of_logs_and_the_field_as_well(adas, billing, encoding):
    other = factories.create_secret(billing.secret.client)
    assert "2 found, 2 working right now" in text_of(look_up(adas, other.plaintext, file=f"a\n{billing.plaintext}\n".encode(encoding)))


@pytest.mark.long
def test_a_text_of_nine_megabytes_is_read_and_one_of_eleven_is_refused(adas, billing, monkeypatch):
    """What is found is looked for in its end alone: all of it would take a second."""
    line, really, read = "." * 80 + "\n", findings.look_up, []
    monkeypatch.setattr(findings, "look_up", lambda text, **more: read.append(len(text)) or really(text[-1000:], **more))
    log = line * (9_000_000 // len(line)) + billing.plaintext
    assert "It works right now" in text_of(look_up(adas, log))
    assert read == [len(log)]
    page = look_up(adas, file=(line * (11_000_000 // len(line))).encode())
    assert "The text is 11 MB long. Split it into parts of up to 10 MB. Nothing was looked up." in text_of(page)


def test_long_texts_are_looked_through_one_after_the_other(demo, now, monkeypatch):
    """Each takes a core for seconds, which token requests need too. A short one doesn't wait."""
    held = []
    monkeypatch.setattr(findings, "find_traces", lambda text: held.append(findings._long_text.locked()) or find_traces(text))
    for text in ("GET /orders 200 OK", "\n" * 600_000):
        findings.look_up(text, workspace=demo, now=now)
    assert held == [False, True]
    assert not findings._long_text.locked()


@pytest.mark.long
def test_a_long_text_holds_no_thread_while_another_is_looked_through(adas, billing):
    text = "nothing here\n" * 50_000 + billing.plaintext
    with findings._long_text:
        page = look_up(adas, text)
        assert (page.status_code, page["Retry-After"]) == (503, "5")
        assert "Another long text is being searched." in text_of(page)
        assert "It works right now" in text_of(look_up(adas, billing.plaintext))
    assert "It works right now" in text_of(look_up(adas, text))


@pytest.mark.parametrize("kind", ["RSA-1024", "secp256k1", "Ed448"])
def test_a_private_key_of_a_kind_that_nobody_can_register_is_not_ours(adas, kind):
    page = look_up(adas, public_keys.private_pem(kind, public_keys.PrivateFormat.PKCS8))
    assert page.status_code == 200
    assert "Revoke" not in text_of(page).split("Leak response")[-1]
