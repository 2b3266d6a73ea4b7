"""What is installed: nothing with a published weakness, and a list of all packages."""

import json
import subprocess
from datetime import UTC, datetime, timedelta

import pytest

from tests import advisories

OSV = {
    "id": "GHSA-xxxx",
    "affected": [
        {"package": {"ecosystem": "PyPI", "name": "Django"}, "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "5.2"}, {"fixed": "5.2.99"}]}]},
        {"package": {"ecosystem": "PyPI", "name": "django"}, "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"last_affected": "5.1.2"}]}]},
        {"package": {"ecosystem": "npm", "name": "django"}, "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}]}]},
        {"package": {"ecosystem": "PyPI", "name": "redis"}, "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "8"}]}]},
        {"package": {"ecosystem": "PyPI", "name": "flask"}, "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}]},
    ],
}
PINS = {"django": "5.2.19", "redis": "8.1.0"}


@pytest.fixture
def database(tmp_path):
    (tmp_path / "one.json").write_text(json.dumps(OSV))
    (tmp_path / "two.json").write_text(json.dumps({**OSV, "id": "GHSA-yyyy", "withdrawn": "2026-01-01T00:00:00Z"}))
    return tmp_path


@pytest.mark.parametrize("lock", advisories.LOCKS)
def test_no_pinned_version_has_a_published_weakness(lock):
    known = json.loads(advisories.COPY.read_text())
    assert advisories.find_affected(advisories.read_pins(lock), known["advisories"]) == []
    assert datetime.fromisoformat(known["as_of"]).replace(tzinfo=UTC) < datetime.now(UTC) + timedelta(days=1)


@pytest.mark.program
def test_make_sbom_lists_every_locked_package_with_its_hashes():
    # Tests run with what is installed, however old it is.
    subprocess.run(["make", "--old-file=.venv/.installed-dev", "sbom"], cwd=advisories.ROOT, check=True, timeout=120)
    listed = json.loads((advisories.ROOT / "sbom.cdx.json").read_text())
    assert {part["name"]: part["version"] for part in listed["components"]} == advisories.read_pins("requirements.txt")
    assert all(part["purl"].startswith("pkg:pypi/") and part["externalReferences"][0]["hashes"] for part in listed["components"])
    assert listed["metadata"]["component"]["name"] == "tokenos"


def test_every_pin_of_the_lock_is_read():
    locked = sum(line[:1].isalpha() for line in (advisories.ROOT / "requirements.txt").read_text().splitlines())
    assert len(advisories.read_pins("requirements.txt")) == locked > 20


def test_a_package_that_was_locked_since_the_copy_was_made_is_not_passed_over(capsys):
    advisories.main([])
    said = capsys.readouterr().out
    pinned = {name for lock in advisories.LOCKS for name in advisories.read_pins(lock)}
    missing = sorted(pinned - set(json.loads(advisories.COPY.read_text())["looked_up"]))
    assert (f"Not covered: {len(missing)} packages that nobody has looked up: {', '.join(missing)}" in said) == bool(missing)


def test_a_renewed_copy_covers_all_that_is_locked(database, capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(advisories, "COPY", tmp_path / "copy.json")
    advisories.main([str(database)])
    assert "Not covered" not in capsys.readouterr().out


def test_what_the_copy_knows_of_was_looked_up():
    known = json.loads(advisories.COPY.read_text())
    assert {advisory["package"] for advisory in known["advisories"]} <= set(known["looked_up"])


def test_affected_versions_are_named_with_the_way_out(database):
    found = advisories.find_affected(PINS, list(advisories.read_database(database, set(PINS))))
    assert found == ["django 5.2.19: GHSA-xxxx, update to 5.2.99", "redis 8.1.0: GHSA-xxxx, not mended yet"]


@pytest.mark.parametrize("version", ["5.2.99", "5.1.3", "6.0"])
def test_versions_outside_of_the_ranges_are_not(database, version):
    assert not advisories.find_affected({"django": version}, list(advisories.read_database(database, set(PINS))))


@pytest.mark.parametrize("version", ["5.2", "5.2.98", "5.1.2", "4.0"])
def test_their_ends_are(database, version):
    assert advisories.find_affected({"django": version}, list(advisories.read_database(database, set(PINS))))
