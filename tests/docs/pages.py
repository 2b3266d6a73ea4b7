"""Reads the docs' pages: fenced blocks, table rows, headings."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")])

_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block. section: the heading that it stands under."""

    page: str
    section: str
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}, {self.section}"


def read(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page: str, language: str = "") -> list[Block]:
    text = read(page)
    found = []
    for match in _FENCE.finditer(text):
        headings = re.findall(r"^#+ (.*)$", _FENCE.sub("", text[: match.start()]), re.MULTILINE)
        body = re.sub(rf"^{match['indent']}", "", match["text"], flags=re.MULTILINE)
        found.append(Block(page, headings[-1] if headings else "", match["language"], body))
    return [block for block in found if not language or block.language == language]


def block(page: str, language: str, section: str) -> str:
    """The text of the only such block under a heading."""
    (found,) = [block for block in blocks(page, language) if block.section == section]
    return found.text


def rows(text: str) -> list[list[str]]:
    """The cells of every table row that begins with code."""
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in text.splitlines() if line.startswith("| `")]


def anchors(text: str) -> set[str]:
    """As the usual renderers make them from headings."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in re.findall(r"^#+ (.*)$", _FENCE.sub("", text), re.MULTILINE)}


def commands(page: str, program: str) -> list[str]:
    """Every line of a shell block that runs program, continued lines joined."""
    joined = [line.strip() for block in blocks(page, "sh") for line in block.text.replace("\\\n", " ").splitlines()]
    return [line for line in joined if re.search(rf"(^|[ |(]){re.escape(program)}( |$)", line)]
