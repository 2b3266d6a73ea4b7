"""A role that came from the provider opens the workspace by single sign-on only: somebody who is removed there can't stay in with a password."""

import re
from datetime import timedelta

import pytest
from allauth.socialaccount.models import SocialAccount
from django.core.management import call_command

from dashboard.models import Membership, User
from tests import factories
from tests.dashboard.conftest import sign_in as as_person
from tests.dashboard.sso.conftest import come, heading
from tests.dashboard.sso.test_connection import age, sign_in

pytestmark = pytest.mark.django_db

PAGE = "/w/demo/members/"


@pytest.fixture
def grace(browser, okta, demo, second_browser):
    """Her role in demo comes from Okta. She also has a password here, for example by a reset link."""
    come(second_browser, okta, sub="00u2", email="grace@example.com", groups=["devs"])
    user = User.objects.get(email="grace@example.com")
    user.set_password(factories.PASSWORD)
    user.save()
    return user


def test_a_password_does_not_open_it_or_do_a_form_and_the_provider_does(browser, okta, grace, demo):
    factories.add_member(factories.create_workspace("second"), grace)
    as_person(grace, browser)
    response = browser.get(PAGE)
    assert (response.status_code, heading(response)) == (403, "You can open Demo only with Okta")
    assert "Your role here comes from Okta." in " ".join(response.content.decode().split())
    assert f'name="next" value="{PAGE}"' in response.content.decode()
    assert browser.get("/w/second/members/").status_code == 200
    Membership.objects.filter(user=grace, workspace=demo).update(role="owner")
    assert browser.post("/w/demo/settings/", {"name": "Grace's"}).status_code == 403
    demo.refresh_from_db()
    assert demo.name == "Demo"
    assert come(browser, okta, goes_on=PAGE)["Location"] == PAGE
    assert browser.get(PAGE).status_code == 200


def test_somebody_who_is_shut_out_is_out_after_twelve_hours_also_with_a_new_password(browser, okta, grace, second_browser):
    come(browser, okta)
    age(browser, timedelta(hours=12, seconds=1).total_seconds())
    assert browser.get(PAGE).status_code == 403
    sign_in(second_browser, grace)
    assert second_browser.get(PAGE).status_code == 403


def test_a_role_that_was_given_by_hand_opens_by_password(okta, ben, demo):
    SocialAccount.objects.create(user=ben, provider=okta.issuer, uid="00u1ben")
    assert as_person(ben).get(PAGE).status_code == 200


def test_without_single_sign_on_it_stays_shut_and_says_what_opens_it(browser, okta, grace, settings):
    settings.SSO_ISSUER = ""
    sign_in(browser, grace)
    response = browser.get(PAGE)
    assert (response.status_code, heading(response)) == (403, "You can open Demo only with single sign-on")
    named = re.search(r"<code>\.venv/bin/python manage.py (.*?)</code>", response.content.decode())[1]
    assert named == "allow_passwords demo --member EMAIL"
    call_command(*named.replace("EMAIL", grace.email).split())
    assert browser.get(PAGE).status_code == 200
