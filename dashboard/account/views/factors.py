"""The signed-in user's passkeys, one-time codes and recovery codes."""

from collections.abc import Sequence
from typing import Any, cast

from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from dashboard.account.forms import NewPasskeyForm, PasskeyNameForm
from dashboard.account.sign_in_forms import CodeForm
from dashboard.frame.confirmation import confirmed
from dashboard.instance.addresses import issuer_host
from dashboard.models import User
from dashboard.people import kept_by_browser, one_time_codes, passkeys, qr_code, quotas, second_factors, user_sessions
from dashboard.people.caller import actor_of
from dashboard.people.notices import tell
from dashboard.people.permissions import signed_in
from dashboard.people.proved_factors import as_record, record_proofs

# The secret that the page shows, encrypted as it will be in the account, and the session that it is for.
_OFFERED = "__Host-one-time-codes"


def _own_passkey(request: HttpRequest, pk: int) -> Any:
    """The user's passkey. Raise Http404 for another user's."""
    passkey = second_factors.of(cast(User, request.user), Authenticator.Type.WEBAUTHN).filter(pk=pk).first() if pk < 2**63 else None
    if passkey is None:
        raise Http404
    return passkey


@signed_in
@confirmed
def passkey_new(request: HttpRequest) -> HttpResponse:
    """The response to the POST that adds the first factor shows the recovery codes. It isn't a redirect, because the codes are shown only once."""
    user = cast(User, request.user)
    form = NewPasskeyForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        now = timezone.now()
        try:
            passkeys.check_registration(request, user, form.cleaned_data["credential"], now=now)
            added = second_factors.add_passkey(
                user=user,
                name=form.cleaned_data["name"],
                credential=form.cleaned_data["credential"],
                kept=user_sessions.find_own(request),
                actor=actor_of(request),
                now=now,
            )
        except ValidationError as error:
            form.add_error("name" if error.code in ("required", "too_long", "invalid_text") else None, error)
        else:
            name = second_factors.name_of(added.factor)
            ended = _say_ended(added)
            tell("passkey_added", user, request=request, now=now, name=name, ended=ended)
            record_proofs(request, [as_record(added.factor)])
            return _show_codes(request, added.recovery_codes, f"Passkey {name} added.{ended}")
    context = {"form": form, "creation_options": passkeys.registration_options(request, user)}
    return render(request, "account/passkey_new.html", context)


@signed_in
@confirmed
def passkey_rename(request: HttpRequest, pk: int) -> HttpResponse:
    passkey = _own_passkey(request, pk)
    form = PasskeyNameForm(request.POST if request.method == "POST" else None, initial={"name": second_factors.name_of(passkey)})
    refusal, now = None, timezone.now()
    if form.is_valid() and (refusal := quotas.refuse_change(cast(User, request.user), now=now)) is None:
        try:
            second_factors.rename_passkey(passkey=passkey, name=form.cleaned_data["name"], actor=actor_of(request), now=now)
        except ValidationError as error:
            form.add_error("name", error)
        else:
            messages.success(request, "Passkey renamed.")
            return redirect("mfa_index")
    response = render(request, "account/passkey_rename.html", {"form": form, "name": second_factors.name_of(passkey), "refusal": refusal})
    return refusal.apply_to(response) if refusal else response


@signed_in
@confirmed
def passkey_remove(request: HttpRequest, pk: int) -> HttpResponse:
    user, passkey = cast(User, request.user), _own_passkey(request, pk)
    name, error = second_factors.name_of(passkey), None
    if request.method == "POST":
        now = timezone.now()
        try:
            second_factors.remove_passkey(user=user, passkey=passkey, actor=actor_of(request), now=now)
        except Authenticator.DoesNotExist:
            raise Http404 from None
        except ValidationError as refusal:
            error = refusal.messages[0]
        else:
            tell("passkey_removed", user, request=request, now=now, name=name)
            messages.success(request, f"Passkey {name} removed. Delete it on the device too.")
            return redirect("mfa_index")
    return render(request, "account/passkey_remove.html", {"name": name, "error": error, "is_last": _is_last(user)})


def _is_last(user: User) -> bool:
    """Whether the account has only one strong factor, so that removing it also removes the recovery codes."""
    return bool(second_factors.of(user, *second_factors.STRONG).count() == 1)


@signed_in
@confirmed
def one_time_codes_on(request: HttpRequest) -> HttpResponse:
    """Each time the page is opened, it offers a new secret: somebody may have seen the last one. After a wrong code the secret isn't shown again."""
    user = cast(User, request.user)
    if second_factors.of(user, Authenticator.Type.TOTP).exists():
        return redirect("one_time_codes_off")
    form = CodeForm(request.POST if request.method == "POST" else None)
    now = timezone.now()
    offered = _find_offered(request) if form.is_bound else None
    secret = offered or _offer(request)
    if form.is_valid() and offered is None:
        form.add_error("code", "The secret has changed. Scan the new one, then enter its code.")
    elif form.is_valid():
        try:
            added = second_factors.turn_on_one_time_codes(
                user=user,
                secret=secret,
                code=form.cleaned_data["code"].replace(" ", ""),
                kept=user_sessions.find_own(request),
                actor=actor_of(request),
                now=now,
            )
        except ValidationError as error:
            form.add_error("code", error)
        else:
            kept_by_browser.forget(request, _OFFERED)
            ended = _say_ended(added)
            tell("one_time_codes_on", user, request=request, now=now, ended=ended)
            record_proofs(request, [as_record(added.factor)])
            return _show_codes(request, added.recovery_codes, f"One-time codes are on.{ended}")
    context = {"form": form, "is_shown": offered is None}
    if offered is None:
        url = get_adapter().build_totp_url(user, secret)
        groups = " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))
        context |= {"picture": qr_code.draw(url, label="QR code of the secret, for an authenticator app"), "secret": secret, "groups": groups}
    return render(request, "account/one_time_codes_on.html", context)


def _offer(request: HttpRequest) -> str:
    secret = one_time_codes.make_secret()
    kept_by_browser.keep(request, _OFFERED, {"secret": get_adapter().encrypt(secret), "session": user_sessions.find_own(request)})
    return secret


def _find_offered(request: HttpRequest) -> str | None:
    """The secret that the form is about; None if it was shown in another browser or session, or longer ago than a proof counts."""
    offered = kept_by_browser.find(request, _OFFERED)
    if offered is None or offered["session"] != user_sessions.find_own(request):
        return None
    return str(get_adapter().decrypt(offered["secret"]))


@signed_in
@confirmed
def one_time_codes_off(request: HttpRequest) -> HttpResponse:
    user, error = cast(User, request.user), None
    if not second_factors.of(user, Authenticator.Type.TOTP).exists():
        return redirect("mfa_index")
    if request.method == "POST":
        now = timezone.now()
        try:
            second_factors.turn_off_one_time_codes(user=user, actor=actor_of(request), now=now)
        except Authenticator.DoesNotExist:
            return redirect("mfa_index")
        except ValidationError as refusal:
            error = refusal.messages[0]
        else:
            tell("one_time_codes_off", user, request=request, now=now)
            messages.success(request, "One-time codes are off.")
            return redirect("mfa_index")
    return render(request, "account/one_time_codes_off.html", {"error": error, "is_last": _is_last(user)})


@signed_in
@confirmed
def recovery_codes_new(request: HttpRequest) -> HttpResponse:
    user, error = cast(User, request.user), None
    if request.method == "POST":
        now = timezone.now()
        try:
            made = second_factors.make_recovery_codes(user=user, kept=user_sessions.find_own(request), actor=actor_of(request), now=now)
        except ValidationError as refusal:
            error = refusal.messages[0]
        else:
            tell("recovery_codes_made", user, request=request, now=now)
            # The session's proof may be an old code.
            record_proofs(request, [as_record(made.factor)])
            return _show_codes(request, made.recovery_codes, "")
    has_codes = second_factors.of(user, Authenticator.Type.RECOVERY_CODES).exists()
    return render(request, "account/recovery_codes_new.html", {"error": error, "has_codes": has_codes})


def _say_ended(added: second_factors.Added) -> str:
    """A sentence about the ended sessions, which follows another one."""
    if not added.sessions_ended:
        return ""
    return " Your other session has ended." if added.sessions_ended == 1 else f" Your {added.sessions_ended:,} other sessions have ended."


def _show_codes(request: HttpRequest, codes: Sequence[str], done: str) -> HttpResponse:
    """codes: shown once, in the response to the POST that made them. done: a sentence about the rest of the act."""
    if not codes:
        messages.success(request, done)
        return redirect("mfa_index")
    lines = "\n".join(codes)
    text = f"Recovery codes for {cast(User, request.user).email} on {issuer_host()}. Each works once.\n\n{lines}\n"
    return render(request, "account/recovery_codes.html", {"codes": lines, "done": done, "text": text})
