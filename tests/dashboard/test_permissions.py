"""Who may call each route. A new route without a declared permission fails here, and is closed to everybody."""

from dataclasses import dataclass
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, path, reverse

from dashboard import urls
from dashboard.models import Membership
from dashboard.people.permissions import LEAST_ROLE, Access, WorkspaceAccess, anyone
from oauth.urls import ENDPOINTS
from tests import factories
from tests.dashboard.conftest import Browser

pytestmark = pytest.mark.usefixtures("unmeasured")

Role = Membership.Role
ROLES = [Role.VIEWER, Role.DEVELOPER, Role.ADMIN, Role.OWNER]

# What stands for the arguments of routes: a value that names nothing is enough, for who may call is decided before.
SAMPLES: dict[str, Any] = {
    "pk": 999_999_999,
    "uidb36": "1",
    "key": "x-y",
    "link": "x-y",
    "token": "x" * 43,
    "client_id": "x" * 20,
    "secret_id": "x" * 10,
    "kid": "k",
    "thumbprint": "x" * 43,
    "page": "x",
}


@dataclass(frozen=True)
class Route:
    name: str
    access: Any
    arguments: tuple[str, ...]

    def url(self, workspace="demo"):
        return reverse(self.name, kwargs={name: workspace if name == "workspace" else SAMPLES[name] for name in self.arguments})


def find_routes(patterns, prefix="", arguments=()):
    for entry in patterns:
        where = prefix + str(entry.pattern)
        named = (*arguments, *entry.pattern.regex.groupindex)
        if isinstance(entry, URLResolver):
            if entry.app_name != "admin":
                yield from find_routes(entry.url_patterns, where, named)
        elif f"/{where}" not in ENDPOINTS and not where.startswith("^"):
            assert isinstance(entry, URLPattern)
            yield Route(entry.name, getattr(entry.callback, "access", None), named)


ROUTES = sorted(find_routes(get_resolver(urls).url_patterns), key=lambda route: route.name)
OF_WORKSPACES = [route for route in ROUTES if isinstance(route.access, WorkspaceAccess)]
NAMES = [route.name for route in OF_WORKSPACES]


def test_every_route_declares_who_may_call_it():
    assert [route.name for route in ROUTES if not isinstance(route.access, Access | WorkspaceAccess)] == []


def test_the_routes_of_a_workspace_and_no_others_name_one():
    assert {route.name for route in ROUTES if "workspace" in route.arguments} == set(NAMES)


def test_a_view_that_declares_nothing_is_closed(settings, db):
    class Module:
        urlpatterns = [path("open/", lambda _request: None)]

    settings.ROOT_URLCONF = Module
    with pytest.raises(ImproperlyConfigured, match="declares nothing"):
        Browser().get("/open/")


def test_a_view_that_is_for_anyone_is_open(settings, db):
    class Module:
        urlpatterns = [path("open/", anyone(lambda _request: urls.home.redirect("/elsewhere/")))]

    settings.ROOT_URLCONF = Module
    assert Browser().get("/open/").status_code == 302


@pytest.fixture
def people(demo, other, ada, ben, eve):
    """A browser for each role in demo, and for strangers and people of other workspaces."""
    dana, carl = factories.create_user("dana@example.com"), factories.create_user("carl@example.com")
    factories.add_member(demo, dana, Role.DEVELOPER)
    factories.add_member(demo, carl, Role.ADMIN)
    signed_in: dict[Any, Client] = {}
    for who, user in {Role.VIEWER: ben, Role.DEVELOPER: dana, Role.ADMIN: carl, Role.OWNER: ada, "of another workspace": eve}.items():
        signed_in[who] = Browser(raise_request_exception=False)
        signed_in[who].force_login(user)
    return {**signed_in, "stranger": Browser(raise_request_exception=False)}


@pytest.mark.long
@pytest.mark.parametrize("route", OF_WORKSPACES, ids=NAMES)
@pytest.mark.parametrize("method", ["get", "post"])
def test_who_may_call_a_route_of_a_workspace(people, route, method):
    """Of the roles, the least that may, and the one below it: the others have more and less of the same."""
    least = LEAST_ROLE[route.access.post if method == "post" and route.access.post else route.access.permission]
    for who in ("stranger", "of another workspace", least, *ROLES[: ROLES.index(least)][-1:]):
        response = getattr(people[who], method)(route.url())
        if who == "stranger":
            assert response.status_code == 302, (who, response.status_code)
            assert response["Location"].startswith("/accounts/sign-in/?next=")
        elif who == "of another workspace":
            assert response.status_code == 404, (who, response.status_code)
        elif who == least:
            assert response.status_code not in (401, 403, 500), (who, response.status_code)
        else:
            assert response.status_code == 403, (who, response.status_code)


@pytest.mark.parametrize("route", OF_WORKSPACES, ids=NAMES)
def test_a_missing_workspace_is_not_found_like_another_persons(adas, route):
    assert adas.get(route.url("nowhere")).status_code == 404


@pytest.mark.parametrize("route", [route for route in ROUTES if route.access is Access.SIGNED_IN], ids=lambda route: route.name)
def test_a_route_for_signed_in_people_sends_strangers_to_sign_in(db, browser, route):
    for method in (browser.get, browser.post):
        assert method(route.url())["Location"].startswith("/accounts/sign-in/?next=")


@pytest.mark.parametrize("route", [route for route in ROUTES if route.access is Access.INSTANCE_ADMIN], ids=lambda route: route.name)
def test_a_route_of_the_instance_is_for_its_administrator(people, olga, route):
    for who, browser in people.items():
        assert browser.get(route.url()).status_code == (302 if who == "stranger" else 403)
    admin = Browser()
    admin.force_login(olga)
    assert admin.get(route.url()).status_code == 200


@pytest.mark.parametrize("route", [route for route in ROUTES if route.access is Access.ANYONE], ids=lambda route: route.name)
def test_a_route_for_anyone_answers_strangers(db, browser, route):
    assert browser.get(route.url()).status_code in (200, 302, 404, 405, 410)
