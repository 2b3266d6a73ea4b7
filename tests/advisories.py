"""Looks up published weaknesses of the locked packages in a copy of the advisory database, so that no network is needed.

python -m tests.advisories FOLDER    writes the copy from an unpacked export of the OSV database's PyPI part, one JSON file per advisory
    python -m tests.advisories           lists affected versions, with exit 1 if there are any, and packages that the copy doesn't cover

The copy, tests/advisories.json, has the affected versions of the locked packages, and the names of the packages that were looked up: it doesn't cover a package
that is locked later.
"""

import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

ROOT = Path(__file__).resolve().parents[1]
COPY = Path(__file__).with_suffix(".json")
LOCKS = ("requirements.txt", "requirements-dev.txt")


def read_pins(lock: str) -> dict[str, str]:
    """Name → version."""
    found = re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^\s;\\]+)", (ROOT / lock).read_text(), re.MULTILINE)
    return {canonicalize_name(name): version for name, version in found}


def find_affected(pins: Mapping[str, str], advisories: list[dict[str, Any]]) -> list[str]:
    """A line for each pinned version that an advisory names."""
    affected = [advisory for advisory in advisories if advisory["package"] in pins and _is_within(pins[advisory["package"]], advisory)]
    return [f"{found['package']} {pins[found['package']]}: {found['id']}, {_advise(found['fixed'])}" for found in affected]


def find_uncovered(names: Iterable[str], looked_up: Iterable[str]) -> list[str]:
    """The pinned packages that the copy doesn't cover, in order."""
    return sorted(set(names).difference(looked_up))


def _advise(fixed: str | None) -> str:
    return f"update to {fixed}" if fixed else "not mended yet"


def _is_within(version: str, advisory: Mapping[str, Any]) -> bool:
    found = Version(version)
    if found < Version(advisory["introduced"]):
        return False
    if advisory["fixed"]:
        return found < Version(advisory["fixed"])
    return not advisory["last"] or found <= Version(advisory["last"])


def read_database(folder: Path, names: set[str]) -> Iterator[dict[str, Any]]:
    """The ranges of the advisories about packages of those names (OSV schema 1.7)."""
    for path in sorted(folder.rglob("*.json")):
        advisory = json.loads(path.read_text(encoding="utf-8"))
        if advisory.get("withdrawn"):
            continue
        for affected in advisory.get("affected", ()):
            package = affected.get("package", {})
            name = canonicalize_name(package.get("name", ""))
            if package.get("ecosystem") == "PyPI" and name in names:
                yield from _read_ranges(advisory["id"], name, affected.get("ranges", ()))


def _read_ranges(advisory: str, name: str, ranges: Any) -> Iterator[dict[str, Any]]:
    for events in (found["events"] for found in ranges if found["type"] == "ECOSYSTEM"):
        introduced = None
        for event in events:
            if "introduced" in event:
                introduced = event["introduced"]
            elif introduced is not None:
                yield _range(advisory, name, introduced, event.get("fixed"), event.get("last_affected"))
                introduced = None
        if introduced is not None:
            yield _range(advisory, name, introduced, None, None)


def _range(advisory: str, name: str, introduced: str, fixed: str | None, last: str | None) -> dict[str, Any]:
    for version in (introduced, fixed, last):
        try:
            Version(version or "0")
        except InvalidVersion:
            raise SystemExit(f"{advisory} names the version {version!r} of {name}, which isn't one.") from None
    return {"id": advisory, "package": name, "introduced": introduced, "fixed": fixed, "last": last}


def main(arguments: list[str]) -> int:
    locks = [read_pins(lock) for lock in LOCKS]
    if arguments:
        names = set[str]().union(*locks)
        advisories = sorted(read_database(Path(arguments[0]), names), key=lambda found: (found["package"], found["id"], found["introduced"]))
        lines = ",\n".join("  " + json.dumps(advisory) for advisory in advisories)
        copied = f'{{"as_of": "{datetime.now(UTC):%Y-%m-%d}", "looked_up": {json.dumps(sorted(names))}, "advisories": [\n{lines}\n]}}\n'
        COPY.write_text(copied)
    copy = json.loads(COPY.read_text())
    affected = sorted({line for pins in locks for line in find_affected(pins, copy["advisories"])})
    print("\n".join(affected) or f"No pinned version is affected by the {len(copy['advisories'])} advisories known.")  # noqa: T201
    uncovered = find_uncovered(set[str]().union(*locks), copy["looked_up"])
    if uncovered:
        print(f"Not covered: {len(uncovered)} packages that nobody has looked up: {', '.join(uncovered)}")  # noqa: T201
    return 1 if affected else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
