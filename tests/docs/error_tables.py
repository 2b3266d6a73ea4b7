"""The tables of docs/errors.md, generated from the code: “make docs” writes them, and a test checks that they are current."""

import re

from oauth.error_codes import ERROR_CODES
from oauth.reasons import REFUSALS
from tests.docs.pages import ROOT, read

PAGE = "docs/errors.md"


def _table(heading: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    return "\n".join([_row(heading), "|---" * len(heading) + "|", *map(_row, rows)])


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


def codes() -> str:
    return _table(("status", "`error`", "when", "what to do"), [(str(code.status), f"`{code.error}`", code.when, code.what_to_do) for code in ERROR_CODES])


def reasons() -> str:
    rows = [(f"`{code}`", " Or: ".join(each.shape for each in refusals), refusals[0].whole_advice) for code, refusals in sorted(REFUSALS.items())]
    return _table(("code", "cause", "what to do"), rows)


def current() -> str:
    """The page with both tables as they should be."""
    page = read(PAGE)
    for name, table in (("oauth/error_codes.py", codes()), ("oauth/reasons.py", reasons())):
        page, made = re.subn(rf"(<!-- made from {name} by “make docs” -->\n).*?(?=\n\n|\Z)", lambda found, table=table: found[1] + table, page, flags=re.DOTALL)
        assert made == 1, name
    return page


if __name__ == "__main__":
    (ROOT / PAGE).write_text(current(), encoding="utf-8")
