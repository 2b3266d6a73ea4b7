"""A secret that somebody wrote where it doesn't belong is cut down to its public ID before anything is kept or printed."""

import pytest

from clients.secret import generate, redact


@pytest.mark.parametrize("environment", ["live", "test"])
def test_secret_is_cut_down_to_its_id(environment):
    generated = generate(environment)
    assert redact(f"“{generated.plaintext}” isn't a scope.") == f"“tos_{environment}_{generated.secret_id}…” isn't a scope."


def test_part_of_a_secret_is_cut_down_too():
    generated = generate("live")
    assert redact(generated.plaintext[:30]) == f"tos_live_{generated.secret_id}…"


def test_every_secret_of_a_text_is_cut_down():
    first, second = generate("live"), generate("test")
    text = redact(f"{first.plaintext},x={second.plaintext}&{first.plaintext}")
    assert text == f"tos_live_{first.secret_id}…,x=tos_test_{second.secret_id}…&tos_live_{first.secret_id}…"


def test_text_without_a_secret_stays():
    assert redact("Secrets begin with tos_live_ or tos_test_.") == "Secrets begin with tos_live_ or tos_test_."
    assert redact("Secret Ab3dE6gH9k was revoked.") == "Secret Ab3dE6gH9k was revoked."
