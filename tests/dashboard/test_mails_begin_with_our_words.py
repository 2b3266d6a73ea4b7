"""What people choose, such as names, follows our own words in each mail: a client called “Your account is locked” can't pass for our notice."""

import re

import pytest

from dashboard.settings import BASE_DIR

TEXTS = sorted((BASE_DIR / "templates/mail").glob("*.txt"))
# Words of ours, or a number.
OURS = {"headline", "text", "what|capfirst", "one.what|capfirst", "act|capfirst", "ended|length", "findings.0.kind|capfirst", "findings|length"}


def beginnings(line):
    """The variables with which a line may begin, for any outcome of its conditions."""
    branches = re.split(r"{% (?:if|elif|else)\b.*?%}", line)[1:] if line.startswith("{% if") else [line]
    return {found[1] for branch in branches if (found := re.match(r"\s*{{ *(.*?) *}}", branch))}


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: text.stem)
def test_subject_and_first_line(text):
    subject, _, rest = text.read_text().partition("\n")
    assert beginnings(subject) <= OURS
    assert beginnings(rest.lstrip().partition("\n")[0]) <= OURS


def test_all_mails_are_looked_at():
    assert {"account_notice", "credential_ends", "hand_over", "invitation"} < {text.stem for text in TEXTS}
