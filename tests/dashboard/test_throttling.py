"""Too many failed sign-ins: who has to wait, where, and for how long."""

from math import ceil

import pytest
from django.utils import timezone

from oauth.models import FailureCount
from tests import factories
from tests.dashboard.conftest import Browser
from tests.dashboard.test_sign_in import PAGE, events, sign_in


@pytest.mark.usefixtures("olga")
class TestThrottling:
    @pytest.fixture(autouse=True)
    def _limits(self, settings):
        settings.FAILURES_PER_CLIENT, settings.FAILURES_PER_ADDRESS = 2, 5

    def fail(self, browser, email, times, **options):
        for _ in range(times):
            browser.post(PAGE, {"login": email, "password": "wrong"}, **options)

    def test_after_too_many_failures_one_has_to_wait_and_nobody_elsewhere(self, browser):
        """Spelling the address differently does not help. While waiting nothing is counted or recorded."""
        self.fail(browser, "OLGA@example.com ", 4)
        assert len(events()) == 2
        response = sign_in(browser)
        assert response.status_code == 429
        assert 0 < int(response["Retry-After"]) <= 300
        wait = int(response["Retry-After"])
        assert f"Too many attempts. Wait {f'{ceil(wait / 60)} min' if wait >= 100 else f'{wait} s'} and try again." in response.content.decode()
        elsewhere = {"login": "olga@example.com", "password": factories.PASSWORD}
        assert browser.post(PAGE, elsewhere, REMOTE_ADDR="203.0.113.9").status_code == 302
        FailureCount.objects.update(window_ends=int(timezone.now().timestamp()))
        for _ in range(3):
            assert sign_in(Browser()).status_code == 302

    def test_an_address_that_tries_many_accounts_has_to_wait(self, browser):
        self.fail(browser, "nobody@example.com", 3)
        assert sign_in(browser).status_code == 302
        browser.post("/accounts/sign-out/")
        for number in range(5):
            self.fail(browser, f"nobody-{number}@example.com", 1)
        assert sign_in(browser).status_code == 429

    def test_neither_an_address_that_nothing_shows_nor_clients_behind_the_same_one_are_counted(self, browser, olga):
        self.fail(browser, olga.email, 3, REMOTE_ADDR="")
        assert not FailureCount.objects.exclude(key__startswith="listed ").exists()
        self.fail(browser, olga.email, 1)
        assert not FailureCount.objects.filter(key="127.0.0.1").exists()
