"""The people of a workspace."""

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from dashboard.models import Membership
from dashboard.permissions import Permission, may, member

PAGE = 50


@member(Permission.VIEW)
def members(request: HttpRequest, membership: Membership) -> HttpResponse:
    found = Membership.objects.filter(workspace=membership.workspace).select_related("user").order_by("user__name", "user__email")
    context = {"page": Paginator(found, PAGE).get_page(request.GET.get("page")), "may_manage": may(membership, Permission.MANAGE_MEMBERS)}
    return render(request, "members/list.html", context)
