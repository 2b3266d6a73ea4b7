"""Why the protocol refuses a request: each reason's code, title, sentence, advice, and the place to follow the advice. The only table of reasons.

Pages read it (dashboard.explain), make docs writes docs/errors.md from it, and every refusal in the code uses one of its sentences.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum, auto
from typing import NamedTuple


class Reason(NamedTuple):
    """The reason for one refusal. code: stable, for counting. sentence: for the client's owner, who may know everything except the secret itself."""

    code: str
    sentence: str


class Remedy(Enum):
    """The page on which the client's owner can fix it."""

    ROTATE = auto()
    NEW_SECRET = auto()
    NEW_KEY = auto()
    NEW_CERTIFICATE = auto()
    CHANGE_CLIENT = auto()
    CHANGE_RANGES = auto()
    ADD_TO_CLIENT = auto()
    ENABLE_CLIENT = auto()
    AUDIT_LOG = auto()
    EXAMPLES = auto()
    TEST = auto()
    POLICIES = auto()
    KEEP_WORKSPACE = auto()
    LEAK_RESPONSE = auto()


@dataclass(frozen=True, slots=True)
class Refusal:
    """title: a few words, for lists and counts. sentence: with {names} for what differs. advice: what the client's owner should do, "" if the sentence already
    says it. operator: what only the operator of the instance can do or look up, in the documentation's Markdown.
    """

    code: str
    title: str
    sentence: str
    advice: str = ""
    remedy: Remedy | None = None
    operator: str = ""

    def say(self, **values: object) -> Reason:
        return Reason(self.code, self.sentence.format_map({name: _spell(value) for name, value in values.items()}) if values else self.sentence)

    @property
    def shape(self) -> str:
        """The sentence, with … for what differs."""
        return _NAME.sub("…", self.sentence)

    @property
    def whole_advice(self) -> str:
        """The advice for the client's owner and for the operator, in Markdown."""
        return " ".join(filter(None, (self.advice, self.operator))) or "See the cause."

    def in_other_words(self, sentence: str) -> "Refusal":
        """The same refusal with another sentence, for another situation."""
        return replace(self, sentence=sentence)


def _spell(value: object) -> object:
    return f"{value:%d %b %Y %H:%M} UTC" if isinstance(value, datetime) else value


_NAME = re.compile(r"\{\w+\}")

_LIBRARY = "Use a library to build it."
_CLOCK = "Synchronise the program's clock (NTP)."
_NEW_TOKEN = "Have the program get a new token."  # noqa: S105  # a sentence
_PROXY = "If a proxy terminates TLS, does it pass the certificate on?"
_STOLEN = "If your program didn't send it twice, somebody else has read the request."
_OURS = "Change nothing. Have the program repeat the request."
_TELL = "Tell the operator of this instance."
_SERVERS = "Did you mix up live and test, or two servers?"
_CLIENT_ID = "Put the client ID into iss and sub."

# The client
UNKNOWN_CLIENT = Refusal("unknown_client", "Unknown client", "No client has this ID. Check which server it belongs to.", _SERVERS)
DELETED_CLIENT = UNKNOWN_CLIENT.in_other_words("The client that got the token has been deleted.")
CLIENT_ID_MISSING = Refusal(
    "client_id_missing",
    "Client ID missing",
    "The request has a client certificate but no client_id, so it doesn't say which client it is from.",
    "Send client_id in the body. If the program uses another method, it has sent no credentials at all.",
    Remedy.EXAMPLES,
)
CLIENT_DISABLED = Refusal("client_disabled", "Client disabled", "This client is disabled.", "", Remedy.ENABLE_CLIENT, "Run `enable_client` to enable it again.")
WORKSPACE_DELETED = Refusal(
    "workspace_deleted",
    "Workspace scheduled for deletion",
    "The workspace {workspace} is scheduled for deletion, so its clients don't work. An owner can keep it.",
    "",
    Remedy.KEEP_WORKSPACE,
    "An owner of the workspace: [keep it](workspace-settings.md#delete-the-workspace).",
)
MISSING_CREDENTIALS = Refusal(
    "missing_credentials", "No credentials", "The request has no credentials.", "Did the program read its configuration?", Remedy.EXAMPLES
)
METHOD_NOT_ALLOWED = Refusal(
    "method_not_allowed",
    "Method not allowed for the client",
    "The credentials came {way}. This client allows only {allowed}.",
    "Use a method that the client allows, or allow this one too.",
    Remedy.CHANGE_CLIENT,
)
METHOD_AGAINST_POLICY = Refusal(
    "method_against_policy",
    "Method not allowed in the workspace",
    "The credentials came {way}, which the workspace {workspace} no longer allows. Its admins can change that.",
    "",
    Remedy.POLICIES,
    "Give the client a method that the workspace allows. See [its policies](workspace-settings.md#policies).",
)
METHOD_NOT_SUPPORTED = Refusal(
    "method_not_supported",
    "Method unknown",
    "The Authorization header uses a scheme other than Basic.",
    "At the token endpoint, use Basic or send the credentials in the body.",
    Remedy.EXAMPLES,
    "Elsewhere use Bearer, DPoP or Basic.",
)
SCHEME_NOT_SUPPORTED = METHOD_NOT_SUPPORTED.in_other_words("The Authorization header uses a scheme other than Bearer, DPoP and Basic.")
ADDRESS_NOT_ALLOWED = Refusal(
    "address_not_allowed",
    "Address not in the client's ranges",
    "The request came from {address}, which isn't in the client's address ranges.",
    "Call from one of these ranges, or add the address.",
    Remedy.CHANGE_RANGES,
    "If the client calls through a proxy of yours, is the proxy in `TRUSTED_PROXIES`?",
)
TWO_METHODS = Refusal(
    "two_methods", "Two methods at once", "The request has both an Authorization and an X-API-Key header. Send only one.", "", Remedy.EXAMPLES
)
REPEATED_AUTHORIZATION = Refusal(
    "repeated_authorization", "Several Authorization headers", "The request has several Authorization headers. Send only one.", "Does a proxy add one?"
)
THROTTLED = Refusal(
    "throttled",
    "Too many failures",
    "Too many authentication attempts from this address have failed, for this client or in total,"
    " so requests for this client from this address are refused for a while.",
    "Look at the failures before this one. Only failures count.",
    operator="Wait for `Retry-After`.",
)

# Secrets
MALFORMED_BASIC = Refusal(
    "malformed_basic", "Basic malformed", "The Authorization header isn't Basic followed by base64 of UTF-8 text.", _LIBRARY, Remedy.EXAMPLES
)
INCOMPLETE_BASIC = MALFORMED_BASIC.in_other_words("The Authorization header has no ID or no secret.")
BAD_CHECKSUM = Refusal(
    "bad_checksum",
    "Wrong checksum in the secret",
    "The secret's checksum is wrong. The secret was cut off or mistyped.",
    "Copy it again. Check for a line break or a missing end.",
    Remedy.TEST,
)
NOT_A_SECRET = Refusal(
    "not_a_secret",
    "Not a secret",
    "The value sent as the secret isn't one: secrets begin with tos_live_ or tos_test_.",
    "Is a variable unset, or is this another system's key?",
    Remedy.TEST,
)
UNKNOWN_SECRET = Refusal(
    "unknown_secret",
    "Unknown secret",
    "The secret is well-formed but isn't from this instance. Check which server it belongs to.",
    _SERVERS,
    Remedy.TEST,
)
WRONG_SECRET = Refusal(
    "wrong_secret",
    "Wrong secret",
    "The secret has the ID {id} but isn't that secret: somebody altered or guessed it.",
    "Find out where the program got it.",
    Remedy.TEST,
)
OTHER_CLIENTS_SECRET = Refusal(
    "other_clients_secret",
    "Secret of another client",
    "The client ID and the secret belong to different clients.",
    "Take the ID and the secret from the same client.",
    Remedy.TEST,
)
SECRET_EXPIRED = Refusal(
    "secret_expired",
    "Secret expired",
    "Secret {id} expired on {at}.",
    "Was it rotated while the program kept the old one?",
    Remedy.NEW_SECRET,
    "`create_secret` makes a new one.",
)
SECRET_REVOKED = Refusal(
    "secret_revoked",
    "Secret revoked",
    "Secret {id} was revoked on {at}.",
    "A revoked secret can't be restored. Give the program a new one.",
    Remedy.NEW_SECRET,
    "The audit log says who revoked it.",
)
HASHING_BUSY = Refusal(
    "hashing_busy",
    "Too busy to check the secret",
    "The secret has no stored digest, and too many secrets were waiting to be hashed.",
    _OURS,
    operator="It resolves itself. If it doesn't, is a key missing from `KEY_ENCRYPTION_KEYS`?",
)
BOUND_TOKEN_REQUIRED = Refusal(
    "bound_token_required",
    "Secret used instead of a bound token",
    "This client must call with tokens that are bound to a key or a certificate, not with its secret.",
    "Get a token, or turn the requirement off for this client.",
    Remedy.CHANGE_CLIENT,
)

# Assertions
ASSERTION_ALGORITHM_REFUSED = Refusal(
    "assertion_algorithm_refused",
    "Assertion's algorithm not accepted",
    "The assertion's alg is {algorithm}. Use {allowed}.",
    "",
    Remedy.EXAMPLES,
    "Only asymmetric algorithms are accepted, never `none` or HMAC.",
)
ASSERTION_EXPIRED = Refusal(
    "assertion_expired",
    "Assertion expired",
    "The assertion expired {seconds} s ago: exp is {exp}, and the time is {now}. Make a new one for each request.",
    "Does the program reuse assertions? If not, compare the clocks.",
    Remedy.TEST,
)
ASSERTION_HEADER_REFUSED = Refusal(
    "assertion_header_refused",
    "Assertion's header not accepted",
    "Remove {names} from the assertion's header: TokenOS uses the registered key.",
    "",
    Remedy.EXAMPLES,
    "Only `kid` may name the key.",
)
ASSERTION_KID_MALFORMED = Refusal(
    "assertion_kid_malformed", "Assertion's kid malformed", "The assertion's kid isn't a string.", "Send the kid that the client's page shows, or none."
)
ASSERTION_MALFORMED = Refusal(
    "assertion_malformed", "Assertion malformed", "The client assertion {problem}.", "Use a library to sign it. Check that the end isn't cut off.", Remedy.TEST
)
ASSERTION_NOT_YET_VALID = Refusal(
    "assertion_not_yet_valid",
    "Assertion not yet valid",
    "The assertion's nbf or iat is in the future: the time is {now}. Compare the clocks.",
    _CLOCK,
    Remedy.TEST,
)
ASSERTION_REPLAYED = Refusal(
    "assertion_replayed",
    "Assertion used twice",
    "The assertion's jti was used before, or may have been: the server restarted, or its clock is wrong. Make a new assertion for each request.",
    _STOLEN,
    Remedy.LEAK_RESPONSE,
)
ASSERTION_TIME_MALFORMED = Refusal(
    "assertion_time_malformed",
    "Assertion's time malformed",
    "The assertion's {name} is {value}. It must be a number: seconds since 1970.",
    "Send seconds since 1970 as a JSON number, without quotes.",
    Remedy.TEST,
)
ASSERTION_TOO_LONG = Refusal(
    "assertion_too_long",
    "Assertion valid for too long",
    "The assertion's exp is {exp}, more than {allowed} s after the current time, {now}. Let it expire earlier.",
    "One minute is enough.",
    Remedy.TEST,
)
ASSERTION_TYPE_NOT_SUPPORTED = Refusal(
    "assertion_type_not_supported", "Assertion type unknown", "The request's client_assertion_type isn't {supported}.", "", Remedy.EXAMPLES
)
ASSERTION_WITHOUT_EXP = Refusal(
    "assertion_without_exp", "Assertion without exp", "The assertion has no exp. Let it expire one minute after it is made.", "", Remedy.EXAMPLES
)
ASSERTION_WITHOUT_JTI = Refusal(
    "assertion_without_jti", "Assertion without jti", "The assertion needs a jti of 1 to {most} characters, a different one each time.", "", Remedy.EXAMPLES
)
ASSERTION_WITHOUT_SUB = Refusal("assertion_without_sub", "Assertion without sub", "The assertion's sub must be the client ID.", _CLIENT_ID, Remedy.EXAMPLES)
ASSERTION_WRONG_AUDIENCE = Refusal(
    "assertion_wrong_audience",
    "Wrong audience in the assertion",
    "The assertion's aud is {audience}. It must be a single string: {issuer} or {token_endpoint}.",
    "Send it as a string, not in an array.",
    Remedy.EXAMPLES,
    "Take the issuer from the metadata.",
)
ASSERTION_WRONG_ISSUER = Refusal(
    "assertion_wrong_issuer",
    "Wrong issuer in the assertion",
    "The assertion's iss is {issuer}. Both iss and sub must be the client ID.",
    _CLIENT_ID,
    Remedy.EXAMPLES,
)
ASSERTION_WRONG_TYP = Refusal(
    "assertion_wrong_typ",
    "Wrong typ in the assertion",
    "The assertion's typ is {typ}. Leave it out, or use client-authentication+jwt.",
    "",
    Remedy.EXAMPLES,
)
ALGORITHM_NOT_OF_KEY = Refusal(
    "algorithm_not_of_key",
    "Algorithm doesn't fit the key",
    "The assertion's alg is {algorithm}, but public key {kid} is only for {allowed}.",
    "Sign with an algorithm that fits the key, or add another key.",
    Remedy.NEW_KEY,
)
UNKNOWN_KEY = Refusal(
    "unknown_key",
    "Unknown key",
    "The client has no public key {kid}. Register it, or sign with a registered one.",
    "Compare its kid with those on the client's page.",
    Remedy.NEW_KEY,
    "Or compare it with the keys at the `jwks_uri`.",
)
NO_KEY_FOR_ALGORITHM = Refusal(
    "no_key_for_algorithm",
    "No key for the algorithm",
    "The assertion has no kid, and the client has no usable public key for {algorithm}.",
    "Was the key revoked, or has it expired?",
    Remedy.NEW_KEY,
    "Register the key, or sign with a registered one.",
)
WRONG_SIGNATURE = Refusal(
    "wrong_signature",
    "Wrong signature",
    "The assertion isn't signed by {key}.",
    "Does the program sign with the private key of the registered pair?",
    Remedy.NEW_KEY,
)
TOO_MANY_KEYS = WRONG_SIGNATURE.in_other_words(
    "The client has many public keys, and none of those that were tried signed the assertion. Name the key by its kid."
)
KEY_EXPIRED = Refusal(
    "key_expired", "Key expired", "Public key {kid} expired on {at}.", "Make a new key pair.", Remedy.NEW_KEY, "Register it with `add_public_key`."
)
KEY_REVOKED = Refusal(
    "key_revoked",
    "Key revoked",
    "Public key {kid} was revoked on {at}.",
    "Make a new key pair. Was the key revoked by mistake?",
    Remedy.AUDIT_LOG,
    "The audit log says who revoked it.",
)
JWKS_URI_BUSY = Refusal(
    "jwks_uri_busy",
    "Too busy to fetch the keys",
    "Too many clients' keys were being fetched from a jwks_uri at once.",
    _OURS,
    operator="Is one of their hosts slow?",
)
JWKS_URI_UNAVAILABLE = Refusal(
    "jwks_uri_unavailable",
    "jwks_uri unreachable",
    "The client's public keys couldn't be fetched from its jwks_uri: {problem}.",
    "Open the URL yourself. Does it respond?",
    Remedy.CHANGE_CLIENT,
    "If the host is inside a private network, add it to `OUTBOUND_ALLOWED_HOSTS`.",
)
JWKS_URI_UNUSABLE = Refusal(
    "jwks_uri_unusable",
    "No JWK Set at the jwks_uri",
    "The client's jwks_uri doesn't return a JWK Set.",
    'Open the URL yourself. Does it return {"keys": […]}?',
    Remedy.CHANGE_CLIENT,
)

# Certificates
CERTIFICATE_EXPIRED = Refusal(
    "certificate_expired",
    "Certificate expired",
    "The certificate expired on {at}.",
    "Issue a new one.",
    Remedy.NEW_CERTIFICATE,
    "If the client authenticates by registered certificates, add it with `add_certificate`.",
)
CERTIFICATE_MALFORMED = Refusal(
    "certificate_malformed",
    "Certificate malformed",
    "The client certificate can't be read. If a proxy passes it on, does CLIENT_CERT_HEADER name the header that the proxy sets?",
    "Compare the proxy's configuration with the examples in deploy/.",
    operator="The proxy must send the header once, complete and in the expected format.",
)
CERTIFICATE_MISMATCH = Refusal(
    "certificate_mismatch",
    "Token bound to another certificate",
    "The token is bound to a certificate, but the connection has none or a different one.",
    f"Use the token over connections with the certificate that it was obtained with. {_PROXY}",
)
CERTIFICATE_MISSING = Refusal(
    "certificate_missing",
    "No certificate",
    "The request has no client certificate, but this client authenticates with one.",
    _PROXY,
    Remedy.EXAMPLES,
    "Are `TRUSTED_PROXIES` and `CLIENT_CERT_HEADER` right? Does the program send its certificate (`curl --cert`)? The server only asks for one if a "
    "certificate or a CA is registered.",
)
CERTIFICATE_NOT_YET_VALID = Refusal(
    "certificate_not_yet_valid",
    "Certificate not yet valid",
    "The certificate is valid from {at}.",
    "Wait, or issue one that is valid earlier. Is a clock wrong?",
)
CERTIFICATE_REQUIRED = Refusal(
    "certificate_required",
    "Token requested without a certificate",
    "This client's tokens must be bound to a certificate, but the connection has none.",
    _PROXY,
    Remedy.EXAMPLES,
    "If there is no proxy, connect with the client certificate.",
)
CERTIFICATE_REVOKED = Refusal(
    "certificate_revoked",
    "Certificate revoked",
    "Certificate {thumbprint} was revoked on {at}.",
    "Issue a new key and certificate.",
    Remedy.NEW_CERTIFICATE,
    "Was this certificate meant to be revoked?",
)
BOUND_CERTIFICATE_REVOKED = CERTIFICATE_REVOKED.in_other_words("The token is bound to a certificate that is revoked.")
CERTIFICATE_SUBJECT = Refusal(
    "certificate_subject",
    "Certificate of another subject",
    "The certificate doesn't have the {kind} {subject} that this client requires.",
    "A subject must match exactly, in the same order.",
    Remedy.CHANGE_CLIENT,
    "Compare with `openssl x509 -noout -subject -nameopt RFC2253 -ext subjectAltName`.",
)
CERTIFICATE_UNKNOWN = Refusal(
    "certificate_unknown",
    "Unknown certificate",
    "Certificate {thumbprint} isn't registered for this client.",
    "Add it, or have the program use a registered one.",
    Remedy.NEW_CERTIFICATE,
    "Run `add_certificate`.",
)
CERTIFICATE_UNSUITABLE = Refusal(
    "certificate_unsuitable",
    "Certificate not for clients",
    "The certificate isn't for TLS clients, has a weak key or signature, or belongs to a CA.",
    "Issue one with the extended key usage clientAuth and a P-256, Ed25519 or RSA key (RSA: at least 2,048 bits).",
)
CERTIFICATE_UNTRUSTED = Refusal(
    "certificate_untrusted",
    "Certificate of an unknown CA",
    "The certificate isn't registered for this client, and wasn't issued by a CA in client-ca.pem that is valid today.",
    "Put the CA that issued it into client-ca.pem, or add the certificate.",
    Remedy.NEW_CERTIFICATE,
    "The file is `$DATA_DIR/tls/client-ca.pem`. It must contain the issuing CA itself, even if that is an intermediate CA.",
)
CA_WITHDRAWN = CERTIFICATE_UNTRUSTED.in_other_words("The token was obtained with a certificate whose CA is no longer in client-ca.pem.")

# The requested scopes and audiences
SCOPE_NOT_ALLOWED = Refusal(
    "scope_not_allowed",
    "Scope not allowed for the client",
    "This client doesn't have {scopes}. Request less, or give the client what is missing.",
    "",
    Remedy.ADD_TO_CLIENT,
)
INVALID_SCOPE = Refusal(
    "invalid_scope",
    "Scope malformed",
    "The scope is malformed. The caller was told so.",
    "Separate scope names by single spaces.",
    Remedy.EXAMPLES,
)
INSUFFICIENT_SCOPE = Refusal(
    "insufficient_scope",
    "Scope missing from the token",
    "The token or secret lacks a scope that the API requires: {required}.",
    "Request a token with that scope, or give the scope to the client.",
    Remedy.ADD_TO_CLIENT,
)
OTHER_ENVIRONMENT = Refusal(
    "other_environment",
    "Client of the other environment",
    "This is a {environment} client, but the gateway requires the other environment.",
    "Call with a client of that environment, or change what the gateway requires.",
    operator="See [the gateway](tokens.md#the-gateway).",
)
EMPTY_DEMAND = Refusal(
    "impossible_demand",
    "Gateway requirement that no client meets",
    "The gateway requires an empty {name}, which no client has. Is a variable in the proxy's configuration not set?",
    "Correct the requirement in the proxy's configuration. It is in the query or the headers of the request that the proxy sends to the gateway.",
    operator="See [the gateway](tokens.md#the-gateway).",
)
UNKNOWN_DEMAND_BY_HEADER = EMPTY_DEMAND.in_other_words(
    "The gateway got a requirement in the header {name}, which TokenOS doesn't know. "
    "It knows X-TokenOS-Require-Audience, X-TokenOS-Require-Environment and X-TokenOS-Require-Scope."
)
UNKNOWN_DEMAND = EMPTY_DEMAND.in_other_words(
    "The gateway got a requirement in the parameter {name}, which TokenOS doesn't know. It knows audience, environment and scope."
)
AUDIENCE_WITHHELD = Refusal(
    "audience_withheld",
    "Audience of another workspace",
    "{audiences} belongs to another workspace of this instance, whose API would accept this client's token as one of its own. "
    "Give the client another audience, or ask the operator to hand this one over.",
    "",
    Remedy.CHANGE_CLIENT,
    "`check_audiences` lists all such clients. `hand_over_audience` gives the audience to this workspace.",
)
RESOURCE_NOT_ALLOWED = Refusal(
    "resource_not_allowed",
    "Resource not allowed for the client",
    "{resource} isn't one of this client's audiences. Leave resource out, or add it to the client.",
    "",
    Remedy.ADD_TO_CLIENT,
)
WRONG_AUDIENCE = Refusal(
    "wrong_audience",
    "Token for another audience",
    "The token is for {audiences}, not for {demanded}.",
    "Request a token with that resource, or give the client that audience.",
    Remedy.CHANGE_CLIENT,
)
INVALID_REQUEST = Refusal(
    "invalid_request",
    "Request malformed",
    "The request is malformed. The caller was told what to correct.",
    "Read the error_description that the caller got: it says what to correct.",
    Remedy.EXAMPLES,
)
UNSUPPORTED_GRANT_TYPE = Refusal(
    "unsupported_grant_type",
    "Grant type unknown",
    "The grant type isn't supported. The caller was told so.",
    "Send grant_type=client_credentials.",
    Remedy.EXAMPLES,
)
FOREIGN_HOST = Refusal(
    "foreign_host",
    "Unknown host name",
    "The request used a host name that isn't this instance's.",
    "Use the issuer's URL. If there is a proxy in front, does it send X-Forwarded-Host? The administrator can add names to ALLOWED_HOSTS.",
)
FOREIGN_PAGE = Refusal(
    "foreign_page",
    "Sent by another site's web page",
    "A web page of another site sent the request from the browser of somebody who visited it.",
    "Move the call to a server. If the page isn't yours, somebody is trying IDs or secrets through other people's browsers.",
)
PLAIN_HTTP = Refusal(
    "plain_http",
    "Plain HTTP",
    "The request came over plain HTTP. Use https.",
    "Correct the URL. If there is a proxy in front, does it send X-Forwarded-Proto?",
    Remedy.ROTATE,
    "Is the proxy in `TRUSTED_PROXIES`? If the request had credentials, run `rotate_secret --overlap 0`.",
)
CREDENTIALS_OVER_PLAIN_HTTP = PLAIN_HTTP.in_other_words(
    "The request came over plain HTTP with credentials. Use https. Treat the secret as leaked: rotate it now."
)
CREDENTIALS_IN_QUERY = Refusal(
    "credentials_in_query",
    "Credentials in the URL",
    "The request had credentials in the URL, which proxies and logs keep. Treat the secret as leaked: rotate it now.",
    "Send them in a header or the body.",
    Remedy.ROTATE,
    "Run `rotate_secret --overlap 0`.",
)

# DPoP proofs
DPOP_JKT_MISMATCH = Refusal(
    "dpop_jkt_mismatch",
    "DPoP proof doesn't match dpop_jkt",
    "The parameter dpop_jkt isn't the thumbprint of the key that signed the DPoP proof.",
    "Leave dpop_jkt out, or send the key's RFC 7638 thumbprint.",
)
DPOP_OTHER_KEY = Refusal(
    "dpop_other_key",
    "Token bound to another key",
    "The DPoP proof isn't signed by the key that the token is bound to.",
    "Sign with the key that the token was obtained with. If the call isn't yours, the token was stolen.",
    Remedy.LEAK_RESPONSE,
)
DPOP_PROOF_ALGORITHM = Refusal(
    "dpop_proof_algorithm",
    "DPoP proof's algorithm not accepted",
    "The DPoP proof's alg doesn't fit the key in its header.",
    "Use ES256.",
    operator="Or use another algorithm that `WWW-Authenticate` lists.",
)
DPOP_PROOF_HEADER = Refusal(
    "dpop_proof_header",
    "DPoP proof's header not accepted",
    "The DPoP proof's header names a second key, or extensions. It only needs typ, alg and jwk.",
    "Leave the other members out.",
)
DPOP_PROOF_JTI = Refusal(
    "dpop_proof_jti",
    "DPoP proof's jti malformed",
    "The DPoP proof's jti is missing or isn't a string of 1 to 256 characters.",
    "Use a new random string for each proof.",
)
DPOP_PROOF_KEY = Refusal(
    "dpop_proof_key",
    "DPoP proof's key not accepted",
    "The key in the DPoP proof can't be used. {problem}",
    "Use a P-256, P-384, P-521, Ed25519 or RSA key (RSA: 2,048 to 8,192 bits).",
)
DPOP_PROOF_WITHOUT_KEY = DPOP_PROOF_KEY.in_other_words("The DPoP proof's header has no jwk.")
DPOP_PROOF_MALFORMED = Refusal("dpop_proof_malformed", "DPoP proof malformed", "The DPoP header can't be read: the JWT {problem}.", _LIBRARY, Remedy.EXAMPLES)
DPOP_PROOF_METHOD = Refusal(
    "dpop_proof_method",
    "DPoP proof for another method",
    "The DPoP proof's htm isn't {method}, the method of the request.",
    "Write it in capitals. Behind a gateway, does the proxy set X-Forwarded-Method?",
)
DPOP_PROOF_MISSING = Refusal(
    "dpop_proof_missing",
    "DPoP proof missing",
    "The request needs a DPoP proof but has none.",
    "Send a DPoP header with each request. Does a proxy remove it?",
    Remedy.EXAMPLES,
)
DPOP_PROOF_PRIVATE_KEY = Refusal(
    "dpop_proof_private_key",
    "Private key in the DPoP proof",
    "The DPoP proof contains the private key, so the key is compromised. Have the client make a new key pair.",
    "Put only the key's public members into jwk.",
)
DPOP_PROOF_REPEATED = Refusal(
    "dpop_proof_repeated", "Several DPoP proofs", "The request has several DPoP headers. Send only one.", "Does a proxy or a library add one?"
)
DPOP_PROOF_REPLAYED = Refusal(
    "dpop_proof_replayed",
    "DPoP proof used twice",
    "The DPoP proof was used before, or may have been: the server restarted, or its clock is wrong.",
    _STOLEN,
    Remedy.LEAK_RESPONSE,
    "Make a new proof for each request, even for a repeated one.",
)
DPOP_PROOF_SIGNATURE = Refusal(
    "dpop_proof_signature",
    "Wrong signature in the DPoP proof",
    "The DPoP proof isn't signed by the key in its header.",
    _LIBRARY,
    Remedy.EXAMPLES,
)
DPOP_PROOF_TIME = Refusal(
    "dpop_proof_time",
    "Wrong time in the DPoP proof",
    "The DPoP proof's iat isn't a number, or is too far from the current time. Make a proof for each request, and set the client's clock.",
    _CLOCK,
    Remedy.TEST,
    "A proof is accepted for 60 seconds, plus 30 for clock differences.",
)
DPOP_PROOF_LIMITS = DPOP_PROOF_TIME.in_other_words("The DPoP proof's exp or nbf isn't a number, or says that the proof isn't valid now. Leave both out.")
DPOP_PROOF_TOKEN = Refusal(
    "dpop_proof_token",
    "DPoP proof for another token",
    "The DPoP proof's ath isn't the hash of the access token in the request.",
    "Send base64url of the token's SHA-256, without padding.",
)
DPOP_PROOF_TYP = Refusal("dpop_proof_typ", "Wrong typ in the DPoP proof", "The DPoP proof's typ isn't dpop+jwt.", _LIBRARY, Remedy.EXAMPLES)
DPOP_PROOF_URL = Refusal(
    "dpop_proof_url",
    "DPoP proof for another address",
    "The DPoP proof's htu isn't {url}. Behind a gateway, does the proxy pass on the original host and path?",
    "Send the URL without its query. Behind a gateway, send your API's URL.",
    operator="Without a gateway, the URL is below `ISSUER_URL`. See [the gateway](tokens.md#the-gateway).",
)
DPOP_TARGET_MALFORMED = Refusal(
    "dpop_target_malformed",
    "Original request at the gateway malformed",
    "The proxy sent a method, host or URL of the original request that can't be read, so no DPoP proof can match it. "
    "A URL may have up to 8,000 ASCII characters and no spaces.",
    "Encode the URL as RFC 3986 says. Does the proxy send the method, host and URL of the original request exactly once?",
    operator="The headers are `X-Forwarded-Method`, `X-Forwarded-Host` and `X-Forwarded-Uri`.",
)
USE_DPOP_NONCE = Refusal(
    "use_dpop_nonce",
    "DPoP proof's nonce missing or old",
    "The DPoP proof had no nonce or an old one. The response has a new one, and the client should try again with it.",
    "If the next request succeeded, do nothing. If not, use a library.",
)

# Tokens
BAD_TOKEN = Refusal(
    "bad_token",
    "Token malformed or from another server",
    "The token is malformed, or this instance didn't sign it.",
    "Did this server issue it?",
    Remedy.LEAK_RESPONSE,
)
INVALID_TOKEN = Refusal(
    "invalid_token", "No token", "The request has no credentials. The caller was told so.", "Send an Authorization header.", Remedy.EXAMPLES
)
TOKEN_EXPIRED = Refusal(
    "token_expired",
    "Token expired",
    "The token expired at {at} UTC.",
    "Get a new one shortly before the old one expires. Compare the clocks.",
)
TOKEN_REVOKED = Refusal("token_revoked", "Token revoked", "The token is revoked.", _NEW_TOKEN)
TOKEN_NOT_BOUND = Refusal(
    "token_not_bound",
    "Token not bound",
    "This client must use tokens that are bound to a key or a certificate, and this token isn't bound as required.",
    _NEW_TOKEN,
)
BEARER_TOKEN_UNDER_DPOP = Refusal(
    "bearer_token_under_dpop",
    "Unbound token sent as DPoP",
    "The token isn't bound to a key but was sent with the DPoP scheme. Use Bearer, or get a bound one.",
    "Request the token with a DPoP header.",
)
DPOP_TOKEN_AS_BEARER = Refusal(
    "dpop_token_as_bearer",
    "Bound token sent as Bearer",
    "The token is bound to a key but was sent as Bearer. Send it as DPoP, with a proof.",
    "If the call isn't yours, the token was stolen.",
    Remedy.LEAK_RESPONSE,
)
CREDENTIAL_REVOKED = Refusal(
    "credential_revoked",
    "Token's credential revoked",
    "The credential {credential_id}, which obtained the token, is revoked.",
    "Get a new token with a valid credential.",
)
SIGNING_KEY_REVOKED = Refusal("signing_key_revoked", "Token's signing key revoked", "The key that signed the token is revoked.", _NEW_TOKEN)
SIGNING_KEY_RETIRED = Refusal(
    "signing_key_retired",
    "Token's signing key retired",
    "The key that signed the token was retired long ago, and every token that it had signed by then has expired.",
    "Have the program get a new token, and tell the operator of this instance: the old one may be forged.",
    operator="If this instance has just issued the token, a node's clock is wrong. "
    "Otherwise, [somebody has an old signing key](rotation.md#a-signing-key-was-stolen).",
)
TOKEN_LIFETIME = Refusal(
    "token_lifetime",
    "Token's lifetime too long",
    "The token claims a longer lifetime than any token of this instance has.",
    "Have the program get a new token, and tell the operator of this instance: the old one is forged.",
    operator="[Revoke the signing key](rotation.md#a-signing-key-was-stolen) that the token's `kid` names.",
)
OTHER_ISSUER = Refusal(
    "other_issuer",
    "Token of another issuer",
    "The token was issued under another issuer URL.",
    "The token is from another server, or this server's issuer URL has changed. Get a new token.",
    operator="The issuer URL is set in `ISSUER_URL`.",
)
OTHER_WORKSPACE = Refusal(
    "other_workspace",
    "Token of another workspace",
    "The credential was used at another workspace's gateway.",
    "Which /gateway/…/verify does the proxy call?",
)
NO_WORKSPACE = OTHER_WORKSPACE.in_other_words("The credential was used at the gateway of a workspace that doesn't exist.")
TOO_MANY_REVOCATIONS = Refusal(
    "too_many_revocations",
    "Too many revocations",
    "The client has revoked 20,000 of its tokens in this hour. This token is still valid.",
    "Does the program revoke every token that it gets? Give its tokens a short lifetime instead.",
    Remedy.CHANGE_CLIENT,
    "Use `--token-lifetime`. To stop all tokens at once, disable the client.",
)

# Our own failures
DATABASE_UNAVAILABLE = Refusal(
    "database_unavailable", "Database unreachable", "The database couldn't be reached.", _OURS, operator="See [operations](operations.md)."
)
OVERDUE = Refusal(
    "overdue",
    "Took too long",
    "TokenOS gave up because the request took too long: the database was slow, or too many requests came at once.",
    _OURS,
    operator="See [operations](operations.md#postgresql).",
)
CROWDED = Refusal(
    "crowded",
    "Too many requests at once",
    "TokenOS refused the request at once because too many were already waiting.",
    _OURS,
    operator="If this happens often, raise `WEB_CONCURRENCY`, or find out what slows the database down.",
)
NO_SIGNING_KEY = Refusal(
    "no_signing_key",
    "No signing key",
    "There is no signing key.",
    _TELL,
    operator="Run `.venv/bin/python manage.py rotate_signing_key --now`.",
)
KEY_ENCRYPTION_KEY_MISSING = Refusal(
    "key_encryption_key_missing",
    "Key encryption key missing",
    "KEY_ENCRYPTION_KEYS lacks the key with ID ….",
    _TELL,
    operator="If `.env` holds that key already, restart. Otherwise put it back at the end of the list.",
)


def _table() -> dict[str, tuple[Refusal, ...]]:
    found: dict[str, tuple[Refusal, ...]] = {}
    for value in globals().copy().values():
        if isinstance(value, Refusal):
            found[value.code] = (*found.get(value.code, ()), value)
    return found


REFUSALS: Mapping[str, tuple[Refusal, ...]] = _table()
"""By code: each reason with all of its sentences."""


def find(code: str) -> Refusal | None:
    """The refusal with that code; None for a code that only an older version wrote."""
    return next(iter(REFUSALS.get(code, ())), None)
