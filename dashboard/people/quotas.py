"""Limits for acts that aren't guesses: looking things up, changing a name, sending mail. They are counted in the database, over all workers and nodes.

A function refuse_… returns the refusal; may_… returns whether the act is allowed. Each counts the act, unless its docstring says otherwise.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime

from django.http import HttpRequest
from django.utils import timezone

from clients.models import Workspace
from dashboard.instance.mail.addresses import as_counted
from dashboard.models import Membership, User
from dashboard.people.caller import connection_of
from dashboard.people.refusal import Refusal, too_many
from oauth.sender_network import widest_network_of
from oauth.throttling import count, seconds_left

_HOUR = 3600
# Emails to one address, within FAILURE_WINDOW.
MAX_RESET_MAILS = 5
# Look-ups by one person, within FAILURE_WINDOW: each may read 10 MB.
MAX_LOOK_UPS = 60
# Within an hour, by one person: found things that get an audit event each. Beyond that, each look-up gets one event.
MAX_FOUND = 1000
# Within an hour, by one person: changes that can be repeated any number of times, such as of a name. Each is an event.
MAX_CHANGES = 60
# Within an hour, by one person: changes of a workspace's things, such as a scope's description. Each is an event. An admin may have to describe hundreds of
# clients.
MAX_EDITS = 300
# Among these, changes of one member's role: the member gets an email about each.
MAX_ROLES_OF_ONE = 10
# Within an hour, by one person: exports of audit logs. Each is an event that can't be removed.
MAX_EXPORTS = 60
# Within an hour, by one person: successful “Confirm it’s you”, and sign-ins by passkey or single sign-on. Each is an event. A browser needs at most six, and
# there may be 50.
MAX_PROOFS = 300
# Within an hour, for one person whom the single sign-on provider knows but who isn't let in here. Each refusal is an event.
MAX_REFUSALS = 20
# Within an hour, for one passkey that may have been copied. Each warning is an event and an email.
MAX_WARNINGS_OF_COPY = 1
# Within an hour, for one account. Each change ends its reset links, and somebody who knows the password must not be able to end every link that the owner
# requests.
MAX_PASSWORD_CHANGES = 5
# Within an hour, to one address that somebody has entered, because the mailbox may be a stranger's: by one person, and by all people together. With only the
# second limit, anybody with an account could keep the others from mailing to an address.
MAX_MAILS_TO_ONE = 10
MAX_MAILS_TO_ONE_BY_ALL = 100
# The same for notices about somebody's acts, and about credentials that expire in one workspace. The limit is higher, because the mailbox may belong to a team
# with many clients.
MAX_NOTICES_TO_ONE = 20
MAX_NOTICES_TO_ONE_BY_ALL = 200
# The same for all strangers' addresses together, because one person may enter hundreds of them.
MAX_NOTICES_TO_STRANGERS = 100
# The same to one member. One more email lists everything beyond the limit.
MAX_NOTICES_TO_MEMBER = 20
MAX_NOTICES_TO_MEMBER_BY_ALL = 200
# Credential tests by one person within FAILURE_WINDOW.
MAX_TESTS = 60
# New sessions from one network, within FAILURE_WINDOW, of people who aren't signed in: each is a row that is kept for SESSION_COOKIE_AGE.
MAX_NEW_SESSIONS = 1000


def refuse_new_session(request: HttpRequest) -> Refusal | None:
    """Call it before a stranger's session is written. A browser that already has a session makes no further row."""
    network, now = widest_network_of(connection_of(request).remote_address), timezone.now()
    if request.session.session_key or not network:
        return None
    return _refuse(f"session {network}", MAX_NEW_SESSIONS, now=now)


def refuse_test(user: User, *, now: datetime) -> Refusal | None:
    """Counts one test of a credential, so that guessing secrets here is no better and no faster than at the token endpoint."""
    return _refuse(f"test of {user.pk}", MAX_TESTS, now=now)


def refuse_look_up(user: User, *, now: datetime) -> Refusal | None:
    """Counts one look-up of leak response, or one email about its findings."""
    return _refuse(_look_up_key(str(user.pk)), MAX_LOOK_UPS, now=now)


def refuse_look_up_unseen(account: str, *, now: datetime) -> Refusal | None:
    """Like refuse_look_up, but without counting, so it can be called before the text arrives. account: a user's primary key."""
    return _refuse(_look_up_key(account), MAX_LOOK_UPS, now=now, counts=False)


def may_list_found(user: User, number: int, *, now: datetime) -> bool:
    """Whether each thing that a look-up has found gets an audit event. Also counts them."""
    return count(f"found by {user.pk}", now=now, window=_HOUR, failures=number).failures <= MAX_FOUND


def refuse_change(user: User, *, now: datetime) -> Refusal | None:
    """Counts one change of one's own settings that can be repeated any number of times."""
    return _refuse(f"changes of {user.pk}", MAX_CHANGES, now=now, window=_HOUR, what="Too many changes")


def refuse_edit(user: User, *, takes_proof: bool, now: datetime) -> Refusal | None:
    """Counts one repeatable change of a workspace's things, or the making of a thing without a limit on their number. takes_proof: counted separately from
    changes without a proof, so that somebody with a copy of the session cookie can't keep the owner from disabling a client.
    """
    key = f"proved edits by {user.pk}" if takes_proof else f"edits by {user.pk}"
    return _refuse(key, MAX_EDITS, now=now, window=_HOUR, what="Too many changes")


def refuse_role_change(membership: Membership, *, by: User, now: datetime) -> Refusal | None:
    """Counts one change of that role. The limit is per person, so that somebody who has used it up can't keep an owner from undoing the change."""
    key = f"role of {membership.pk} by {by.pk}"
    return _refuse(key, MAX_ROLES_OF_ONE, now=now, window=_HOUR, what="Too many changes to this role") or refuse_edit(by, takes_proof=True, now=now)


def refuse_factor_change(user: User, *, now: datetime) -> Refusal | None:
    """Like refuse_change, but with a separate limit: changing a name needs no proof, and must not keep the owner from removing a second factor."""
    return _refuse(f"factor changes of {user.pk}", MAX_CHANGES, now=now, window=_HOUR, what="Too many changes")


def refuse_export(user: User, *, now: datetime) -> Refusal | None:
    """Counts one export."""
    return _refuse(f"exports by {user.pk}", MAX_EXPORTS, now=now, window=_HOUR, what="Too many exports")


def refuse_proof(user: User, *, at_provider: bool = False, counts: bool = True, now: datetime) -> Refusal | None:
    """Counts one proof. at_provider: counted separately, because a person whom the provider vouches for hasn't proved a factor of the account. counts: False to
    ask before a password is checked, which takes a long time.
    """
    key = f"proofs of {user.pk} at the provider" if at_provider else f"proofs of {user.pk}"
    return _refuse(key, MAX_PROOFS, now=now, window=_HOUR, what="Too many confirmations", counts=counts)


def may_record_refusal(subject: str, *, now: datetime) -> bool:
    """Whether one more refusal of that person at the provider is recorded in the audit log. Counts it."""
    return count(f"refused {_digest(subject)}", now=now, window=_HOUR).failures <= MAX_REFUSALS


def may_warn_of_copy(passkey_id: int, *, now: datetime) -> bool:
    """Whether one more use of that passkey by a possible copy is recorded and told to its owner. Counts it."""
    return count(f"copied passkey {passkey_id}", now=now, window=_HOUR).failures <= MAX_WARNINGS_OF_COPY


def refuse_password_change(user: User, *, counts: bool = True, now: datetime) -> Refusal | None:
    """Counts one change by somebody who is signed in. A link in an email can still set another password. counts: as for refuse_proof."""
    key = f"password changes of {user.pk}"
    return _refuse(key, MAX_PASSWORD_CHANGES, now=now, window=_HOUR, what="Too many password changes", counts=counts)


def refuse_mail_to(email: str, *, by: User, now: datetime) -> Refusal | None:
    """Counts one email to an address that somebody has entered."""
    return _refuse_mail(_limits_of_mail("mail", email, by, most=MAX_MAILS_TO_ONE, most_by_all=MAX_MAILS_TO_ONE_BY_ALL), now=now)


def may_notify(email: str, *, by: User | Workspace, now: datetime) -> bool:
    """Whether a stranger's address may get one more email about somebody's acts, or about credentials that expire in a workspace. Counts it."""
    return _refuse_mail(_limits_of_notices(email, by), now=now) is None


def would_notify(email: str, *, by: User | Workspace, now: datetime) -> bool:
    """Like may_notify, but without counting."""
    return not seconds_left(_limits_of_notices(email, by), now=now)


def may_notify_member(email: str, *, by: User | Workspace, now: datetime) -> bool:
    """Whether a member may get one more separate email about somebody's acts. Counts it."""
    limits = _limits_of_mail("notice to member", email, by, most=MAX_NOTICES_TO_MEMBER, most_by_all=MAX_NOTICES_TO_MEMBER_BY_ALL)
    return _refuse_mail(limits, now=now) is None


def _limits_of_notices(email: str, by: User | Workspace) -> list[tuple[str, int]]:
    by_one, by_all = _limits_of_mail("notice", email, by, most=MAX_NOTICES_TO_ONE, most_by_all=MAX_NOTICES_TO_ONE_BY_ALL)
    return [by_one, *([(f"notices by {by.pk}", MAX_NOTICES_TO_STRANGERS)] if isinstance(by, User) else []), by_all]


def _limits_of_mail(kind: str, email: str, by: User | Workspace, *, most: int, most_by_all: int) -> list[tuple[str, int]]:
    written = email.strip().lower()
    address = as_counted(written) or written
    # A key has 64 characters at most.
    return [(f"mail by {_digest(f'{kind} {by._meta.model_name} {by.pk} {address}')}", most), (f"mail to {_digest(f'{kind} {address}')}", most_by_all)]


def _refuse_mail(limits: list[tuple[str, int]], *, now: datetime) -> Refusal | None:
    """An email that the sender's own limit refuses doesn't count against the limit for all."""
    for key, most in limits:
        if refusal := _refuse(key, most, now=now, window=_HOUR, what="Too many emails to that address"):
            return refusal
    return None


def may_tell(user: User, found: Sequence[str], *, now: datetime) -> bool:
    """Whether one of these is news to that person: they haven't been told about it within an hour, by anybody. Counts them as told. found: the references of
    findings.
    """
    told = [count(f"told {_digest(f'{user.pk} {one}')}", now=now, window=_HOUR) for one in sorted(found)]
    return any(counted.failures == 1 for counted in told)


def may_mail_reset_link(email: str, *, now: datetime) -> bool:
    """Counts the email. Even if the requests come from many addresses, an account gets only a few emails at a time, and its earlier links still work."""
    return count(f"reset {_digest(email)}", now=now).failures <= MAX_RESET_MAILS


def _refuse(key: str, most: int, *, now: datetime, window: int = 0, what: str = "Too many attempts", counts: bool = True) -> Refusal | None:
    """window: as in count. counts: False to ask without counting."""
    if not counts:
        wait = seconds_left([(key, most)], now=now)
        return too_many(wait, what) if wait else None
    counted = count(key, now=now, window=window)
    return too_many(max(1, counted.window_ends - int(now.timestamp())), what) if counted.failures > most else None


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=24).hexdigest()


def _look_up_key(account: str) -> str:
    return f"leak {account}"
