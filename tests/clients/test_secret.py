"""The tos_… format, and how a secret is stored and checked."""

import re
import string
import threading

import pytest
from argon2 import PasswordHasher, extract_parameters
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from clients import secret
from clients.key_encryption import newest_key
from clients.secret import digest_secret, generate, hash_secret, imitate_verification, looks_like_secret, needs_digest, needs_rehash, parse, verify_secret

OTHER_KEY = "another-key-" + "4" * 40
environments = st.sampled_from(["live", "test"])


@given(environments)
def test_generated_secret_has_the_contracts_form_and_parses(environment):
    made = generate(environment)
    assert re.fullmatch(r"tos_(live|test)_[A-Za-z0-9_]{40,}", made.plaintext)
    assert made.plaintext.startswith(f"tos_{environment}_{made.secret_id}_")
    assert parse(made.plaintext) == made


def test_random_part_holds_at_least_190_bits():
    assert len(secret.ALPHABET) ** secret.RANDOM_LENGTH >= 2**190
    assert set(secret.ALPHABET) == set(string.ascii_letters + string.digits)


def test_no_two_secrets_are_alike():
    made = [generate("live") for _ in range(500)]
    assert len({one.plaintext for one in made}) == len({one.secret_id for one in made}) == 500


def test_client_id_has_the_contracts_form():
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{16,64}", secret.generate_client_id()) for _ in range(100))


@given(environments, st.data())
def test_one_wrong_character_is_noticed(environment, data):
    plaintext = generate(environment).plaintext
    position = data.draw(st.integers(0, len(plaintext) - 1))
    # By its number, for the secret is another one each time, and what is drawn mustn't depend on it.
    others = [character for character in secret.ALPHABET + "_- é" if character != plaintext[position]]
    wrong = others[data.draw(st.integers(0, len(secret.ALPHABET) + 2))]
    assert parse(plaintext[:position] + wrong + plaintext[position + 1 :]) is None


@given(environments, st.data())
def test_two_swapped_neighbours_are_noticed(environment, data):
    plaintext = generate(environment).plaintext
    position = data.draw(st.integers(0, len(plaintext) - 2))
    left, right = plaintext[position : position + 2]
    swapped = plaintext[:position] + right + left + plaintext[position + 2 :]
    assert (parse(swapped) is None) == (left != right)


@given(environments, st.integers(1, 59))
def test_cut_off_or_prolonged_secret_is_noticed(environment, length):
    plaintext = generate(environment).plaintext
    assert parse(plaintext[:-length]) is None
    assert parse(plaintext + plaintext[:length]) is None


@given(st.text(max_size=200))
def test_any_other_text_is_none_and_no_error(text):
    assert parse(text) is None


@pytest.mark.parametrize("surrounding", [" {}", "{} ", "{}\n", "\ufeff{}", "{}\0"])
def test_white_space_is_not_part_of_a_secret(surrounding):
    assert parse(surrounding.format(generate("live").plaintext)) is None


def test_what_was_meant_as_a_secret_is_recognised():
    assert looks_like_secret("tos_live_")
    assert looks_like_secret(generate("test").plaintext[:20])
    assert not looks_like_secret("tos_prod_x")
    assert not looks_like_secret("BzvqwEOYTOWRY00ApIhzti")


@hypothesis_settings(deadline=None, max_examples=10)
@given(environments)
def test_only_the_secret_itself_is_verified(environment):
    one, another = generate(environment).plaintext, generate(environment).plaintext
    hashed, digest = hash_secret(one), digest_secret(one)
    for stored in (digest, ""):
        assert verify_secret(one, hashed=hashed, digest=stored)
        assert not verify_secret(another, hashed=hashed, digest=stored)


def test_hash_is_argon2id_with_the_parameters_of_the_settings(settings):
    settings.ARGON2_MEMORY_COST, settings.ARGON2_TIME_COST = 8192, 3
    hashed = hash_secret("tos_live_x")
    parameters = extract_parameters(hashed)
    assert (parameters.type.name, parameters.memory_cost, parameters.time_cost) == ("ID", 8192, 3)
    assert PasswordHasher().verify(hashed, "tos_live_x")
    assert not needs_rehash(hashed)
    settings.ARGON2_TIME_COST = 2
    assert needs_rehash(hashed)


def test_digest_depends_on_a_key_that_the_database_doesnt_hold(settings):
    here = digest_secret("tos_live_x")
    assert here == digest_secret("tos_live_x")
    settings.KEY_ENCRYPTION_KEYS = [OTHER_KEY]
    assert digest_secret("tos_live_x").partition(":")[2] != here.partition(":")[2]


def test_digest_under_an_older_key_is_still_compared_and_to_be_renewed(settings):
    plaintext = generate("live").plaintext
    digest = digest_secret(plaintext)
    assert not needs_digest(digest)
    settings.KEY_ENCRYPTION_KEYS = [OTHER_KEY, *settings.KEY_ENCRYPTION_KEYS]
    # Without a hash, so that only the digest can have decided.
    assert verify_secret(plaintext, hashed="", digest=digest)
    assert needs_digest(digest)


def test_digest_under_a_key_that_is_gone_falls_back_to_the_hash(settings):
    plaintext = generate("live").plaintext
    hashed, digest = hash_secret(plaintext), digest_secret(plaintext)
    settings.KEY_ENCRYPTION_KEYS = [OTHER_KEY]
    assert verify_secret(plaintext, hashed=hashed, digest=digest)
    assert not verify_secret(generate("live").plaintext, hashed=hashed, digest=digest)
    assert needs_digest(digest)
    assert needs_digest("")


@pytest.mark.parametrize("hashed", ["", "$argon2id$", "pbkdf2_sha256$1$a$b", "$argon2id$v=19$m=7168,t=1,p=1$AAAA$AAAA"])
def test_damaged_hash_verifies_nothing(hashed):
    assert not verify_secret(generate("live").plaintext, hashed=hashed, digest="")


def test_wrong_digest_is_not_rescued_by_the_hash():
    plaintext = generate("live").plaintext
    assert not verify_secret(plaintext, hashed=hash_secret(plaintext), digest=f"{newest_key().id}:{'0' * 64}")


def test_imitation_needs_no_row():
    imitate_verification(generate("live").plaintext)


@pytest.mark.long
def test_one_slow_hash_at_a_time_and_who_waits_too_long_is_told_so(settings, monkeypatch):
    monkeypatch.setattr(secret, "_HASHING_WAIT_SECONDS", 0.01)
    settings.ARGON2_MEMORY_COST, settings.ARGON2_TIME_COST = 65536, 3
    plaintext = generate("live").plaintext
    hashed = hash_secret(plaintext)
    outcomes = []
    barrier = threading.Barrier(4)

    def verify():
        barrier.wait()
        try:
            outcomes.append(verify_secret(plaintext, hashed=hashed, digest=""))
        except secret.HashingBusyError:
            outcomes.append("busy")

    threads = [threading.Thread(target=verify) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert "busy" in outcomes
    assert set(outcomes) == {True, "busy"}
