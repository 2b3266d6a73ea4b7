"""Inviting people, and accepting an invitation.

A link's token is only in the email and in the URL that the link leads to. After that, the session knows the invitation, so that no other URL and no Referer
contains a token. Opening the link doesn't use it up, because mail scanners open links.
"""

from collections.abc import Sequence
from typing import cast

from allauth.account.models import Login
from django.contrib import messages
from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from dashboard.frame.confirmation import confirmed_when_sent
from dashboard.members.forms import InvitationForm, JoinForm
from dashboard.models import Invitation, Membership, User
from dashboard.people import invitations
from dashboard.people.caller import actor_of
from dashboard.people.permissions import Permission, anyone, givable_roles, member
from dashboard.people.quotas import refuse_new_session
from dashboard.people.sign_in_flow import logout, perform_password_login
from dashboard.people.throttling import attempt

PAGE = 50
# The session key for the digest of the invitation that the user is viewing.
INVITATION = "invitation"


@member(Permission.MANAGE_MEMBERS)
@confirmed_when_sent
def invite(request: HttpRequest, membership: Membership) -> HttpResponse:
    form = InvitationForm(request.POST if request.method == "POST" else None, by=membership)
    if request.method == "POST" and form.is_valid():
        entered = form.cleaned_data
        try:
            made = invitations.invite(by=membership, emails=entered["emails"], role=entered["role"], actor=actor_of(request), now=timezone.now())
        except Membership.DoesNotExist:
            raise Http404 from None
        except ValidationError as error:
            form.add_error("emails", error)
        else:
            _deliver(request, made)
            return redirect("members", membership.workspace.slug)
    return render(request, "members/invite.html", {"form": form})


def _deliver(request: HttpRequest, made: list[invitations.NewInvitation]) -> None:
    unsent, _, files = invitations.deliver(made)
    sent, ends = len(made) - len(unsent), f"{made[0].invitation.expires_at:%-d %b}"
    if files:
        where = f"This instance has no mail server yet. Ask its operator for the mail: {_list_few(files)} in DATA_DIR/mail."
        messages.warning(request, f"{where} To send mail, the operator must set EMAIL_URL.")
    if sent:
        messages.success(request, f"{sent} invitation{'s' if sent > 1 else ''} sent. {'They expire' if sent > 1 else 'It expires'} on {ends}.")
    if unsent:
        messages.warning(request, f"The mail server didn’t accept the mail to {_list_few(unsent)}. When it works again, use “Send again” under Invited.")


def _list_few(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


@member(Permission.VIEW)
def invitation_list(request: HttpRequest, membership: Membership) -> HttpResponse:
    page = Paginator(invitations.awaited_in(membership.workspace), PAGE).get_page(request.GET.get("page"))
    context = {"page": page, "invitations": page.object_list, "givable": givable_roles(membership), "now": timezone.now()}
    return render(request, "members/invitations.html", context)


def _find_awaited(membership: Membership, pk: int) -> Invitation:
    found = invitations.awaited_in(membership.workspace).filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


@member(Permission.MANAGE_MEMBERS)
@require_POST
@confirmed_when_sent
def invitation_send_again(request: HttpRequest, membership: Membership, pk: int) -> HttpResponse:
    found = _find_awaited(membership, pk)
    try:
        made = invitations.send_again(invitation=found, by=membership, actor=actor_of(request), now=timezone.now())
    except (Invitation.DoesNotExist, Membership.DoesNotExist):
        raise Http404 from None
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        _deliver(request, [made])
    return redirect("members", membership.workspace.slug)


@member(Permission.MANAGE_MEMBERS)
@require_POST
def invitation_withdraw(request: HttpRequest, membership: Membership, pk: int) -> HttpResponse:
    found = _find_awaited(membership, pk)
    try:
        invitations.withdraw(invitation=found, by=membership, actor=actor_of(request), now=timezone.now())
    except (Invitation.DoesNotExist, Membership.DoesNotExist):
        raise Http404 from None
    messages.success(request, f"The invitation for {found.email} is withdrawn. Its link no longer works.")
    return redirect("members", membership.workspace.slug)


@anyone
@never_cache
def invitation_link(request: HttpRequest, token: str) -> HttpResponse:
    digest = invitations.digest_of(token)
    if invitations.find_invitation(digest) is None:
        return _refuse(request)
    refusal = refuse_new_session(request)
    if refusal is not None:
        return refusal.apply_to(render(request, "link_waits.html", {"refusal": refusal}))
    request.session[INVITATION] = digest
    return redirect("invitation")


@anyone
@never_cache
def invitation(request: HttpRequest) -> HttpResponse:
    """act: “join”, or “sign_out” if the account isn't the invited one."""
    found = invitations.find_invitation(request.session.get(INVITATION, ""))
    if found is None:
        return _refuse(request)
    user = request.user if isinstance(request.user, User) else None
    if user is not None and user.email == found.email:
        membership = Membership.objects.filter(workspace=found.workspace, user=user).first()
        if membership is not None:
            return render(request, "members/invitation_member.html", {"workspace": found.workspace, "member": membership})
    if not invitations.is_open(found, timezone.now()):
        return _refuse(request)
    # A user with two open links joins the workspace that the form showed.
    if request.method != "POST" or request.POST.get("invitation") != str(found.pk):
        return _show(request, found, user)
    if user is not None:
        return _join(request, found, user) if user.email == found.email else _sign_out(request)
    if User.objects.filter(email=found.email).exists():
        return redirect("invitation")
    return _join_as_new_person(request, found)


def _refuse(request: HttpRequest) -> HttpResponse:
    """The response doesn't reveal whether the link is forged, withdrawn, used or expired."""
    request.session.pop(INVITATION, None)
    return render(request, "members/invitation_gone.html", status=404)


def _show(request: HttpRequest, found: Invitation, user: User | None, form: JoinForm | None = None, *, refusal: str = "") -> HttpResponse:
    has_account = User.objects.filter(email=found.email).exists()
    if form is None and user is None and not has_account:
        form = JoinForm(email=found.email)
    context = {
        "invitation": found,
        "workspace": found.workspace,
        "form": form,
        "has_account": has_account,
        "is_other": user is not None and user.email != found.email,
        "refusal": refusal,
    }
    return render(request, "members/invitation_open.html", context)


def _sign_out(request: HttpRequest) -> HttpResponse:
    """End the session, and start a new one that continues with the invitation."""
    digest = request.session[INVITATION]
    logout(request, show_message=False)
    request.session[INVITATION] = digest
    return redirect("invitation")


def _join(request: HttpRequest, found: Invitation, user: User) -> HttpResponse:
    try:
        membership = invitations.accept(invitation=found, user=user, actor=actor_of(request), now=timezone.now())
    except Invitation.DoesNotExist:
        return redirect("invitation")
    except ValidationError as error:
        return _show(request, found, user, refusal=" ".join(error.messages))
    return _welcome(request, membership)


def _join_as_new_person(request: HttpRequest, found: Invitation) -> HttpResponse:
    form = JoinForm(request.POST, email=found.email)
    if not form.is_valid():
        return _show(request, found, None, form)
    with attempt(request, found.email, has_link=True) as refusal:
        if refusal is not None:
            return refusal.apply_to(_show(request, found, None, form, refusal=refusal.text))
        hashed = make_password(form.cleaned_data["password"])
    try:
        membership = invitations.accept_as_new_person(
            invitation=found, name=form.cleaned_data["name"], hashed_password=hashed, actor=actor_of(request), now=timezone.now()
        )
    except Invitation.DoesNotExist:
        return redirect("invitation")
    except ValidationError as error:
        form.add_error(None, error)
        return _show(request, found, None, form)
    response = _welcome(request, membership)
    login = Login(user=membership.user, redirect_url=response["Location"], email=found.email)
    return cast(HttpResponse, perform_password_login(request, {"email": found.email}, login))


def _welcome(request: HttpRequest, membership: Membership) -> HttpResponse:
    request.session.pop(INVITATION, None)
    messages.success(request, f"Welcome to {membership.workspace.name}.")
    return redirect(reverse("workspace", args=[membership.workspace.slug]))
