"""manage.py createsuperuser, which Django's users know and try."""

import pytest


@pytest.mark.parametrize("arguments", [[], ["--email", "ada@example.com", "--noinput"], ["--json"]])
def test_it_names_the_commands_that_do_it_here(refused, arguments):
    line = refused("createsuperuser", *arguments)
    assert "manage.py prepare" in line
    assert "manage.py changepassword EMAIL" in line
