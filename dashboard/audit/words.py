"""What each event is called: the words that follow the name of whoever did it. dashboard.audit.sentences adds what it was done to and what changed."""

# By the name of the event, as services write it. Those of accounts and signing keys belong to the instance and stand in no workspace's log.
WORDS = {
    "audience.removed": "removed audience",
    "audit.exported": "exported audit events",
    "certificate.added": "added certificate",
    "certificate.revoked": "revoked certificate",
    "client.changed": "changed client",
    "client.created": "created client",
    "client.deleted": "deleted client",
    "client.disabled": "disabled client",
    "client.enabled": "enabled client",
    "clients.seeded": "made clients for measuring",
    "hand_over.created": "made a hand-over link",
    "hand_over.used": "used a hand-over link",
    "hand_over.withdrawn": "withdrew a hand-over link",
    "invitation.accepted": "accepted the invitation",
    "invitation.sent_again": "invited again",
    "invitation.withdrawn": "withdrew the invitation",
    "leak.checked": "checked something pasted",
    "member.added": "added member",
    "member.changed": "made the role independent of single sign-on",
    "member.invited": "invited",
    "member.left": "left the workspace",
    "member.removed": "removed member",
    "member.role_changed": "changed role",
    "public_key.added": "added public key",
    "public_key.revoked": "revoked public key",
    "scope.changed": "changed the sentence of scope",
    "scope.created": "added scope",
    "scope.removed": "removed scope",
    "second_factors.reencrypted": "encrypted second factors anew",
    "secret.changed": "changed the end of secret",
    "secret.created": "made secret",
    "secret.ended": "ended secret",
    "secret.extended": "extended secret",
    "secret.revoked": "revoked secret",
    "secret.rotated": "rotated secret",
    "signing_key.created": "made signing key",
    "signing_key.reencrypted": "encrypted signing key anew",
    "signing_key.rescheduled": "rescheduled signing key",
    "signing_key.revoked": "revoked signing key",
    "signing_key.rotated": "rotated signing key",
    "token.revoked": "revoked a token",
    "usage.seeded": "made usage for measuring",
    "user.confirmation_failed": "failed to prove who they are",
    "user.confirmed": "proved who they are",
    "user.created": "created account",
    "user.demoted": "took the right to administer the instance",
    "user.disabled": "switched off account",
    "user.display_changed": "changed how pages look and listen",
    "user.email_change_requested": "asked for another email address",
    "user.email_changed": "changed email address",
    "user.enabled": "switched on account",
    "user.one_time_codes_locked": "locked one-time codes by wrong ones",
    "user.one_time_codes_off": "turned off one-time codes",
    "user.one_time_codes_on": "turned on one-time codes",
    "user.one_time_codes_unlocked": "unlocked one-time codes",
    "user.passkey_added": "added a passkey",
    "user.passkey_removed": "removed a passkey",
    "user.passkey_renamed": "renamed a passkey",
    "user.password_changed": "changed the password",
    "user.password_reset": "set a new password",
    "user.password_reset_requested": "asked for a new password",
    "user.promoted": "gave the right to administer the instance",
    "user.recovered": "recovered account",
    "user.recovery_code_used": "used a recovery code",
    "user.recovery_codes_made": "made recovery codes",
    "user.renamed": "changed the name",
    "user.session_ended": "ended a session",
    "user.sessions_ended": "ended other sessions",
    "user.sign_in_failed": "failed to sign in",
    "user.signed_in": "signed in",
    "user.signed_out": "signed out",
    "user.sso_connected": "connected single sign-on",
    "user.sso_disconnected": "disconnected single sign-on",
    "workspace.changed": "changed settings",
    "workspace.created": "created the workspace",
    "workspace.deleted": "deleted the workspace",
    "workspace.kept": "kept the workspace",
    "workspace.removed": "removed the workspace",
}
# What was pasted, by the type of what was found in it.
PASTED = {
    "certificate": "checked a pasted certificate",
    "client": "checked a pasted client ID",
    "public_key": "checked a pasted key",
    "secret": "checked a pasted secret",
    "token": "checked a pasted token",
    "workspace": "checked a pasted text",
}
_OF_THE_INSTANCE = ("user.", "signing_key.", "second_factors.")


def words_of(event: str) -> str:
    """Of one that has no words, as an older or newer version may have written it: the plain form of its name, “lease renewed” for lease.renewed."""
    return WORDS.get(event) or event.replace(".", " ").replace("_", " ")


def actions() -> list[tuple[str, str]]:
    """What may stand in a workspace's log: name and label, by label."""
    listed = [(event, words[0].upper() + words[1:]) for event, words in WORDS.items() if not event.startswith(_OF_THE_INSTANCE)]
    return sorted(listed, key=lambda item: item[1])
