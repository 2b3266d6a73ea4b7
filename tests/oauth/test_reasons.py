"""Each reason for a refusal is defined once, with all its texts."""

from datetime import UTC, datetime

from oauth import reasons
from oauth.reasons import REFUSALS

ALL = [refusal for refusals in REFUSALS.values() for refusal in refusals]


def test_titles_are_short_and_differ():
    titles = [refusals[0].title for refusals in REFUSALS.values()]
    assert all(len(title) <= 52 and not title.endswith(".") for title in titles)
    assert len(set(titles)) == len(REFUSALS) > 100


def test_sentences_and_advice_are_sentences():
    assert [
        refusal.code for refusal in ALL for text in (refusal.sentence, refusal.advice, refusal.operator) if text and not text.endswith((".", "?", "{problem}"))
    ] == []


def test_a_reason_in_other_words_has_the_same_title_and_advice():
    assert {(refusal.title, refusal.advice, refusal.remedy) for refusal in REFUSALS["plain_http"]} == {
        (reasons.PLAIN_HTTP.title, reasons.PLAIN_HTTP.advice, reasons.Remedy.ROTATE)
    }


def test_what_differs_is_put_into_the_sentence():
    said = reasons.SECRET_EXPIRED.say(id="aB3xY9Qz", at=datetime(2026, 7, 1, 12, 30, tzinfo=UTC))
    assert said == ("secret_expired", "Secret aB3xY9Qz expired on 01 Jul 2026 12:30 UTC.")
    assert reasons.SECRET_EXPIRED.shape == "Secret … expired on …."


def test_braces_that_somebody_sent_stay_as_they_are():
    assert reasons.UNKNOWN_KEY.say(kid="{code}").sentence == "The client has no public key {code}. Register it, or sign with a registered one."
