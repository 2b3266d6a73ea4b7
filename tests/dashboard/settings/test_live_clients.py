"""Who can create live clients. Pages and the API ask this before they make one; test clients are for everybody who may make clients."""

import pytest
from django.core.exceptions import ValidationError

from dashboard.models import AccessPolicy, Membership
from dashboard.people import policies
from tests import factories

Role = Membership.Role


def member(demo, role):
    return factories.add_member(demo, factories.create_user(f"{role}2@example.com"), role)


@pytest.mark.parametrize(
    ("least", "allowed"),
    [(None, [Role.DEVELOPER, Role.ADMIN, Role.OWNER]), (Role.ADMIN, [Role.ADMIN, Role.OWNER]), (Role.OWNER, [Role.OWNER])],
)
def test_least_role_and_those_above_may(demo, least, allowed):
    if least is not None:
        AccessPolicy.objects.create(workspace=demo, live_clients_from=least)
    assert [role for role in Role if policies.may_make_live_clients(member(demo, role))] == allowed


def test_refusal_says_who_can_and_what_is_left(demo):
    AccessPolicy.objects.create(workspace=demo, live_clients_from=Role.ADMIN)
    developer = member(demo, Role.DEVELOPER)
    with pytest.raises(ValidationError) as error:
        policies.require_environment(developer, "live")
    assert error.value.messages == ["In demo only admins and owners can create live clients. Create a test client, or ask one of them."]
    policies.require_environment(developer, "test")
    policies.require_environment(member(demo, Role.ADMIN), "live")
