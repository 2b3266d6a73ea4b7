"""Why a request was refused, and what to do about it, for the client's owner. What exactly was wrong is in the sentence that oauth wrote; what one can do here,
with a link, is by its reason code.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from django.urls import reverse

from clients.models import Client, RecordedRequest
from dashboard.frame.typography import typeset
from dashboard.models import Membership
from dashboard.people.permissions import Permission, may


@dataclass(frozen=True, slots=True)
class Act:
    """What helps, on a page of the dashboard. route: of that client, or of the workspace. permission: what one needs for it."""

    label: str
    route: str
    permission: Permission = Permission.WRITE_CLIENTS
    is_of_client: bool = True


@dataclass(frozen=True, slots=True)
class Advice:
    """sentence: what to do, "" where what was wrong says it already."""

    sentence: str = ""
    act: Act | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """words: what was wrong. advice: what to do. label, url: of the page that helps, both "" where none does, or the reader may not."""

    words: str
    advice: str
    label: str
    url: str


_ROTATE = Act("Rotate now", "rotate")
_NEW_SECRET = Act("Make a new secret", "secret_new")
_NEW_KEY = Act("Add public key", "key_new")
_NEW_CERTIFICATE = Act("Add certificate", "certificate_new")
_CHANGE = Act("Change the client", "client_settings", Permission.VIEW)
_ENABLE = Act("Enable client", "client_enable", Permission.ADMINISTER_CLIENTS)
_AUDIT = Act("Show who did it", "client_audit", Permission.VIEW)
_EXAMPLES = Act("Show examples", "client_examples", Permission.VIEW)
_TEST = Act("Test what it sends", "explain", Permission.VIEW, is_of_client=False)
_POLICIES = Act("Show the policies", "settings", Permission.VIEW, is_of_client=False)
_KEEP = Act("Show the deletion", "workspace_delete", Permission.VIEW, is_of_client=False)
_LEAK = Act("Respond to a leak", "leak", Permission.VIEW, is_of_client=False)

_AS_IT_SAYS = Advice(act=_EXAMPLES)
_LIBRARY = Advice("Let a library build it.", _EXAMPLES)
_CLOCK = Advice("Set the program’s clock by NTP.", _TEST)
_NEW_TOKEN = Advice("Let the program get a new token.")
_PROXY = Advice("Behind a proxy: does it pass the certificate on?", _EXAMPLES)
_FORGED = Advice(
    "Let the program get a new token. If no program got this one here, tell whoever runs this instance: somebody may have one of its signing keys."
)
_STOLEN = Advice("Nobody of yours did that? Then somebody else has read what was sent.", _LEAK)
_OURS = Advice("Nothing to change: let the program repeat it.")

ADVICE: Mapping[str, Advice] = {
    # Who the client is
    "unknown_client": Advice("Live and test, or two servers, mixed up?"),
    "client_id_missing": Advice("Send client_id in the body. A program that authenticates otherwise has sent no credentials at all.", _EXAMPLES),
    "client_disabled": Advice(act=_ENABLE),
    "workspace_deleted": Advice(act=_KEEP),
    "missing_credentials": Advice("Did the program read its configuration?", _EXAMPLES),
    "method_not_allowed": Advice("Use what the client allows, or allow this as well.", _CHANGE),
    "method_against_policy": Advice(act=_POLICIES),
    "method_not_supported": Advice("Use Basic or the body at the token endpoint.", _EXAMPLES),
    "address_not_allowed": Advice("Call from one of its ranges, or add this one.", Act("Change the ranges", "client_settings", Permission.VIEW)),
    "two_methods": _AS_IT_SAYS,
    "repeated_authorization": Advice("Does a proxy add one of its own?"),
    "throttled": Advice("Find the failures before it. Successes are never counted."),
    # Secrets
    "malformed_basic": _LIBRARY,
    "bad_checksum": Advice("Copy it again. Look for a line break or a missing end.", _TEST),
    "not_a_secret": Advice("Is it a variable that wasn’t filled in, or another system’s key?", _TEST),
    "unknown_secret": Advice("Live and test, or two servers, mixed up?", _TEST),
    "wrong_secret": Advice("Look where the program has it from.", _TEST),
    "other_clients_secret": Advice("ID and secret are from different clients.", _TEST),
    "secret_expired": Advice("Was it rotated, and the program kept the old one?", _NEW_SECRET),
    "secret_revoked": Advice("It is gone for ever. Give the program another one.", _NEW_SECRET),
    "hashing_busy": _OURS,
    "bound_token_required": Advice("Get a token, or let the client do without.", _CHANGE),
    # Assertions
    "assertion_algorithm_refused": _AS_IT_SAYS,
    "assertion_expired": Advice("Does the program reuse one? Else compare the clocks.", _TEST),
    "assertion_header_refused": _AS_IT_SAYS,
    "assertion_kid_malformed": Advice("Send the kid that the client’s page shows, or none."),
    "assertion_malformed": Advice("Let a library sign it. Look for a cut-off end.", _TEST),
    "assertion_not_yet_valid": _CLOCK,
    "assertion_replayed": _STOLEN,
    "assertion_time_malformed": Advice("Seconds since 1970 as a JSON number, without quotes.", _TEST),
    "assertion_too_long": Advice("One minute is enough.", _TEST),
    "assertion_type_not_supported": _AS_IT_SAYS,
    "assertion_without_exp": _AS_IT_SAYS,
    "assertion_without_jti": _AS_IT_SAYS,
    "assertion_without_sub": Advice("Put the client ID into iss and sub.", _EXAMPLES),
    "assertion_wrong_audience": Advice("Send it as a string, not in an array.", _EXAMPLES),
    "assertion_wrong_issuer": Advice("Put the client ID into iss and sub.", _EXAMPLES),
    "assertion_wrong_typ": _AS_IT_SAYS,
    "algorithm_not_of_key": Advice("Sign with the algorithm of the key, or add another key.", _NEW_KEY),
    "unknown_key": Advice("Compare its kid with those on the client’s page.", _NEW_KEY),
    "no_key_for_algorithm": Advice("Was it revoked, or has it ended?", _NEW_KEY),
    "wrong_signature": Advice("Does the program sign with the private half of the key that is registered?", _NEW_KEY),
    "key_expired": Advice("Make a new pair.", _NEW_KEY),
    "key_revoked": Advice("Make a new pair, unless the wrong one was revoked.", _AUDIT),
    "jwks_uri_busy": _OURS,
    "jwks_uri_unavailable": Advice("Open the address yourself: does it answer?", _CHANGE),
    "jwks_uri_unusable": Advice("Open the address yourself: does it answer with {“keys”: […]}?", _CHANGE),
    # Certificates
    "certificate_expired": Advice("Issue a new one.", _NEW_CERTIFICATE),
    "certificate_malformed": Advice("Compare the proxy’s configuration with the examples in deploy/."),
    "certificate_mismatch": Advice("Use the token over connections with the certificate that got it. Behind a proxy: does it pass the certificate on?"),
    "certificate_missing": _PROXY,
    "certificate_not_yet_valid": Advice("Wait, or issue one that begins earlier. Is a clock wrong?"),
    "certificate_required": _PROXY,
    "certificate_revoked": Advice("Issue a new key and certificate.", _NEW_CERTIFICATE),
    "certificate_subject": Advice("A subject is compared exactly, and in its order.", _CHANGE),
    "certificate_unknown": Advice("Add it, or let the program use the one that is known.", _NEW_CERTIFICATE),
    "certificate_unsuitable": Advice("Issue one for clientAuth, with a key of P-256, Ed25519 or RSA from 2,048 bits."),
    "certificate_untrusted": Advice("The CA that issued it has to stand in client-ca.pem itself; or add the certificate.", _NEW_CERTIFICATE),
    # What it asked for
    "scope_not_allowed": Advice(act=Act("Add it", "client_settings", Permission.VIEW)),
    "invalid_scope": Advice("Scope names, separated by single spaces.", _EXAMPLES),
    "insufficient_scope": Advice("Ask for a token with that scope, or give the client the scope.", Act("Add it", "client_settings", Permission.VIEW)),
    "other_environment": Advice("Call with a client of the environment that is let in there, or change what the gateway demands."),
    "impossible_demand": Advice("Correct what the proxy asks the gateway for. It is in its configuration, in the query or the headers of its request."),
    "audience_withheld": Advice(act=_CHANGE),
    "resource_not_allowed": Advice(act=Act("Add it", "client_settings", Permission.VIEW)),
    "wrong_audience": Advice("Ask with resource, or give the client that audience.", _CHANGE),
    "invalid_request": _AS_IT_SAYS,
    "unsupported_grant_type": Advice("Send grant_type=client_credentials.", _EXAMPLES),
    "foreign_host": Advice("Use the issuer’s address. Behind a proxy: does it send X-Forwarded-Host? The administrator adds further names to ALLOWED_HOSTS."),
    "foreign_page": Advice("Move the call to a server. If the page isn’t yours: somebody tries IDs or secrets by other people’s browsers."),
    "plain_http": Advice("Correct the address. Behind a proxy: does it send X-Forwarded-Proto?", _ROTATE),
    "credentials_in_query": Advice("Send them in a header or the body.", _ROTATE),
    # DPoP proofs
    "dpop_jkt_mismatch": Advice("Leave dpop_jkt out, or send the RFC 7638 thumbprint."),
    "dpop_other_key": Advice("Sign with the key that the token was got with. A program of somebody else with a stolen token?", _LEAK),
    "dpop_proof_algorithm": Advice("Use ES256."),
    "dpop_proof_header": Advice("Leave the rest out."),
    "dpop_proof_jti": Advice("A new random text for each proof."),
    "dpop_proof_key": Advice("Use a key of P-256, P-384, P-521, Ed25519, or RSA from 2,048 bits."),
    "dpop_proof_malformed": _LIBRARY,
    "dpop_proof_method": Advice("In capitals. Behind a gateway: does the proxy set X-Forwarded-Method?"),
    "dpop_proof_missing": Advice("Send a DPoP header with each request. Does a proxy remove it?", _EXAMPLES),
    "dpop_proof_private_key": Advice("Put only the public members into jwk."),
    "dpop_proof_repeated": Advice("Does a proxy or a library add one of its own?"),
    "dpop_proof_replayed": _STOLEN,
    "dpop_proof_signature": _LIBRARY,
    "dpop_proof_time": _CLOCK,
    "dpop_proof_token": Advice("base64url of the token’s SHA-256, without padding."),
    "dpop_proof_typ": _LIBRARY,
    "dpop_proof_url": Advice("The address without its query; behind a gateway that of your API."),
    "dpop_target_malformed": Advice("Encode the URL as RFC 3986 has it. Does the proxy say method, host and URL of the original request once each?"),
    "use_dpop_nonce": Advice("Nothing, if it got through then. Else let a library do it."),
    # Tokens
    "bad_token": Advice("Is it a token of this server?", _LEAK),
    "invalid_token": Advice("Send an Authorization header.", _EXAMPLES),
    "token_expired": Advice("Get a new one a little before the old one ends. Compare the clocks."),
    "token_revoked": _NEW_TOKEN,
    "token_not_bound": _NEW_TOKEN,
    "bearer_token_under_dpop": Advice("Ask for the token with a DPoP header."),
    "dpop_token_as_bearer": Advice("A program of somebody else with a stolen token?", _LEAK),
    "credential_revoked": Advice("Get a new token with a credential that works."),
    "signing_key_revoked": _NEW_TOKEN,
    "signing_key_retired": _FORGED,
    "token_lifetime": _FORGED,
    "other_issuer": Advice("The token comes from another server, or this one has a new address: get a new one."),
    "other_workspace": Advice("Which /gateway/…/verify does the proxy ask?"),
    "too_many_revocations": Advice("Does the program revoke every token that it gets? Make them short instead.", _CHANGE),
    # Faults of ours
    "database_unavailable": _OURS,
    "overdue": _OURS,
    "crowded": _OURS,
    "no_signing_key": Advice("Tell whoever runs this instance."),
    "key_encryption_key_missing": Advice("Tell whoever runs this instance."),
}


def explain(recorded: RecordedRequest, *, to: Membership) -> Explanation:
    """recorded: a refused one. to: who reads it."""
    return explain_reason(recorded.reason, recorded.detail, client=recorded.client, to=to)


def explain_reason(code: str, sentence: str, *, client: Client | None, to: Membership) -> Explanation:
    """sentence: as oauth wrote it."""
    # Of codes that an older version wrote nothing is known but the sentence.
    advice = ADVICE.get(code, Advice())
    act = advice.act
    words = typeset(sentence)
    if act is None or not may(to, act.permission) or (act.is_of_client and client is None):
        return Explanation(words, advice.sentence, "", "")
    arguments = [to.workspace.slug, client.client_id] if act.is_of_client and client is not None else [to.workspace.slug]
    return Explanation(words, advice.sentence, act.label, reverse(act.route, args=arguments))
