"""No response has a long address in its header: a proxy that holds only 4 KB would take the server for one that has failed."""

import pytest

from tests.factories import PASSWORD

# What nginx holds by default, less what a proxy may add.
NGINX = 4_096 - 256

pytestmark = pytest.mark.django_db


def size_of_head(response):
    return sum(len(name) + len(value) + 4 for name, value in response.items()) + len(response.cookies.output())


@pytest.mark.parametrize("path", ["/w/demo/", "/accounts/profile/", "/admin/", "/"])
def test_a_stranger_with_a_long_address_is_asked_to_sign_in_and_not_led_back(browser, path):
    """Each character becomes three: they are escaped in the address that leads back."""
    response = browser.get(f"{path}?a={'!' * 3_900}")
    assert response.status_code == 302
    assert "?" not in response["Location"]
    assert size_of_head(response) < NGINX


def test_a_shorter_address_is_led_back_to(browser):
    response = browser.get(f"/w/demo/?a={'!' * 500}")
    assert response["Location"] == f"/accounts/sign-in/?next=/w/demo/%3Fa%3D{'%21' * 500}"


def test_a_long_address_that_lacks_a_slash_is_not_found(browser):
    response = browser.get(f"/w/{'a' * 3_900}/clients")
    assert (response.status_code, "Location" in response) == (404, False)
    assert size_of_head(response) < NGINX


@pytest.mark.parametrize("origin", ["", "https://testserver"])
@pytest.mark.parametrize("length", [10, 1_500, 5_000, 50_000])
def test_signing_in_never_leads_to_a_long_address(browser, ada, demo, length, origin):
    form = {"login": ada.email, "password": PASSWORD, "next": f"{origin}/w/demo/clients/?q={'!' * length}"}
    response = browser.post("/accounts/sign-in/", form)
    assert response.status_code == 302
    assert size_of_head(response) < NGINX


@pytest.mark.parametrize("length", [1_500, 2_020, 50_000])
@pytest.mark.parametrize("path", ["/accounts/help/?a=", "/"])
def test_choosing_a_theme_leads_back_to_no_long_address(browser, path, length):
    """Anybody may choose one, and say where to go back to."""
    response = browser.post("/accounts/theme/", {"theme": "dark", "next": path + "a" * length})
    assert response.status_code in (302, 404)
    assert size_of_head(response) < NGINX
