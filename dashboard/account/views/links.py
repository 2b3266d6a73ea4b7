"""Links in emails: a new password for users who forgot theirs, and a new address for an account."""

from typing import cast

from django.contrib import messages
from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache

from dashboard.account.forms import EmailForm, PasswordForm
from dashboard.frame.confirmation import confirmed
from dashboard.instance import mail
from dashboard.instance.addresses import issuer_host, page_url
from dashboard.models import User
from dashboard.people import accounts, passwords, quotas, throttling
from dashboard.people.caller import actor_of, connection_of
from dashboard.people.notices import tell
from dashboard.people.passwords import DeadLinkError
from dashboard.people.permissions import anyone, signed_in
from dashboard.people.user_agent import describe_device

# This keeps the link from other sites. It isn't no-referrer, because then browsers send forms without their origin, and such forms are refused.
WITHOUT_PATH = "strict-origin"


def _dead(request: HttpRequest, again: str) -> HttpResponse:
    """again: where to get a new link. The page is the same for every fault of the link."""
    return render(request, "account/dead_link.html", {"again": again}, status=410)


@anyone
@never_cache
def reset(request: HttpRequest) -> HttpResponse:
    """The response and the work are the same with or without an account: only the email shows which. Each request counts as an attempt."""
    form = EmailForm(request.POST if request.method == "POST" else None)
    refusal = None
    if form.is_valid():
        email = form.cleaned_data["email"]
        with throttling.attempt(request, f"reset {email}", takes_password=False) as refusal:
            if refusal is None:
                _send_reset_link(request, email)
                return render(request, "account/reset_sent.html", {"email": email})
    response = render(request, "account/reset.html", {"form": form, "refusal": refusal})
    return refusal.apply_to(response) if refusal else response


def _send_reset_link(request: HttpRequest, email: str) -> None:
    now = timezone.now()
    throttling.count_wrong(request, f"reset {email}", now=now)
    user = User.objects.filter(email=email, is_active=True).first()
    passwords.record_reset_request(user=user, actor=actor_of(request), now=now)
    # If there is no account, a link is made for one that doesn't exist, so that the time is the same.
    path = passwords.make_reset_link(user or User(pk=0, email=email))
    context = {
        "url": page_url(path),
        "email": email,
        "host": issuer_host(),
        "address": connection_of(request).remote_address,
        "device": describe_device(request.headers.get("User-Agent", "")),
    }
    is_sent = quotas.may_mail_reset_link(email, now=now) and user is not None
    mail.send_later("account_reset", [email] if is_sent else [], context)


@anyone
@never_cache
def reset_password(request: HttpRequest, link: str) -> HttpResponse:
    """Sets the password but doesn't sign the user in: signing in still needs the second factor."""
    again = reverse("account_reset_password")
    user = passwords.find_by_reset_link(link)
    if user is None:
        return _dead(request, again)
    form = PasswordForm(user, request.POST if request.method == "POST" else None)
    refusal = None
    if form.is_valid():
        with throttling.attempt(request, user.email, has_link=True) as refusal:
            hashed = make_password(form.cleaned_data["new_password"]) if refusal is None else ""
        if hashed:
            now = timezone.now()
            try:
                user = passwords.reset_password(link=link, hashed_password=hashed, actor=actor_of(request), now=now)
            except DeadLinkError:
                return _dead(request, again)
            tell("password_reset", user, request=request, now=now)
            messages.success(request, "Password changed, and every session has ended. Sign in with the new one.")
            return redirect("account_login")
    response = render(request, "account/reset_password.html", {"form": form, "email": user.email, "refusal": refusal})
    response["Referrer-Policy"] = WITHOUT_PATH
    return refusal.apply_to(response) if refusal else response


@signed_in
@confirmed
def email_change(request: HttpRequest) -> HttpResponse:
    """The response doesn't reveal whether the new address already has an account."""
    user = cast(User, request.user)
    form = EmailForm(request.POST if request.method == "POST" else None)
    refusal = None
    if form.is_valid():
        with throttling.attempt(request, f"email {user.email}", takes_password=False) as refusal:
            refusal = refusal or quotas.refuse_mail_to(form.cleaned_data["email"], by=user, now=timezone.now())
            if refusal is None:
                try:
                    _send_email_change_link(request, user, form.cleaned_data["email"])
                except ValidationError as error:
                    form.add_error("email", error)
                else:
                    _say_sent(request, form.cleaned_data["email"])
                    return redirect("profile")
    response = render(request, "account/email_change.html", {"form": form, "refusal": refusal})
    return refusal.apply_to(response) if refusal else response


def _say_sent(request: HttpRequest, email: str) -> None:
    if mail.goes_to_files():
        said = f"This instance has no mail server yet. Ask its operator for the email to {email}: it is a file in DATA_DIR/mail."
        messages.warning(request, f"{said} Open the link in it within 24 hours.")
    else:
        messages.success(request, f"Mail is on its way to {email}. Open the link in it within 24 hours.")


def _send_email_change_link(request: HttpRequest, user: User, email: str) -> None:
    now = timezone.now()
    token = accounts.make_email_change_token(user=user, email=email, actor=actor_of(request), now=now)
    throttling.count_wrong(request, f"email {user.email}", now=now)
    if token is not None:
        url = page_url(reverse("email_confirm", args=[token]))
        mail.send_later("account_email_change", [email], {"url": url, "host": issuer_host()})


@signed_in
@never_cache
def email_confirm(request: HttpRequest, token: str) -> HttpResponse:
    """The link is only for the account that asked, because a mistyped address is read by somebody else. The change needs a click on the page, because programs
    that scan mail follow links.
    """
    user = cast(User, request.user)
    try:
        wanted = accounts.read_email_change_token(token, user=user)
        if request.method == "POST":
            now = timezone.now()
            changed = accounts.change_email(user=user, token=token, actor=actor_of(request), now=now)
            for address in (user.email, changed.email):
                tell("email_changed", changed, request=request, now=now, to=address, old=user.email, new=changed.email)
            messages.success(request, f"Your address is now {changed.email}.")
            return redirect("profile")
    except DeadLinkError:
        return _dead(request, reverse("email_change"))
    response = render(request, "account/email_confirm.html", {"old": user.email, "new": wanted})
    response["Referrer-Policy"] = WITHOUT_PATH
    return response
