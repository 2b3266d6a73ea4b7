"""Commands that Django's users know and try, and that TokenOS refuses."""

import pytest


@pytest.mark.parametrize("arguments", [[], ["--email", "ada@example.com", "--noinput"], ["--json"]])
def test_createsuperuser_names_the_commands_that_do_it_here(refused, arguments):
    line = refused("createsuperuser", *arguments)
    assert "manage.py prepare" in line
    assert "manage.py changepassword EMAIL" in line


@pytest.mark.parametrize("arguments", [[], ["--all"], ["--output", "unified"]])
def test_diffsettings_prints_no_key_and_says_where_the_settings_are(refused, settings, arguments):
    line = refused("diffsettings", *arguments)
    assert "docs/configuration.md" in line
    assert settings.SECRET_KEY not in line
