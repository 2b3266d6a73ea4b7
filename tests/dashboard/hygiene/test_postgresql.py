"""On PostgreSQL, too, everything is found and fixed."""


def test_what_should_be_tidied_up_is_found_and_fixed(run_on_postgresql):
    outcome = run_on_postgresql("tests.clients.hygiene_on_postgresql")
    assert outcome["found"] == {
        "silent-secrets": 1,
        "secrets-without-end": 1,
        "old-secrets": 5,
        "never-used": 1,
        "idle": 1,
        "unused-scopes": 1,
        "secret-in-body": 4,
        "disabled": 1,
    }
    # The old secret that was revoked before is none any more, nor do clients that were disabled before allow anything.
    assert outcome["fixed"] == {**outcome["found"], "old-secrets": 4, "secret-in-body": 2}
    assert outcome["left"] == {}
    # To compile these queries took PostgreSQL longer than to run them.
    assert outcome["jit"] == "off"
