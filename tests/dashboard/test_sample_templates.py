"""The samples of token requests: each value in their templates is quoted for the language of its place. tests/servers/test_hostile_samples.py runs them."""

import re
from pathlib import Path

import pytest

SAMPLES = sorted((Path(__file__).resolve().parents[2] / "templates" / "components" / "snippets").glob("*.txt"))
# "shell" in the others: the command in the first line, a comment.
FILTERS = {"curl": ("shell", "within_quotes", "string|within_apostrophes"), "python": ("string",), "javascript": ("string", "shell"), "go": ("string", "shell")}


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda file: file.stem)
def test_every_value_is_quoted_for_its_language(sample):
    places = re.findall(r"\{\{ (.*?) \}\}", sample.read_text())
    assert places
    assert {place.partition("|")[2] for place in places} <= set(FILTERS[sample.stem.partition("_")[0]])
