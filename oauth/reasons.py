"""Why the protocol refuses: of each reason its code, its title, its sentence, what helps, and where. The one table of them.

Pages read it (dashboard.explain), docs/errors.md is made from it (make docs), and what refuses says one of its sentences.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum, auto
from typing import NamedTuple


class Reason(NamedTuple):
    """Of one refusal. code: stable, for counting. sentence: for the client's owner, who may know everything but the secret itself."""

    code: str
    sentence: str


class Remedy(Enum):
    """Where something can be done about it."""

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
    """title: of a few words, where many are counted. sentence: with {names} for what differs. advice: what to do, for the client's owner, "" where the sentence
    says it. operator: what only who runs the instance can do or look at, in the documentation's Markdown.
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
        """Its sentence, with … for what differs."""
        return _NAME.sub("…", self.sentence)

    @property
    def whole_advice(self) -> str:
        """Also for who runs the instance, in Markdown."""
        return " ".join(filter(None, (self.advice, self.operator))) or "As it says."

    def in_other_words(self, sentence: str) -> "Refusal":
        """The same reason, met elsewhere."""
        return replace(self, sentence=sentence)


def _spell(value: object) -> object:
    return f"{value:%d %b %Y %H:%M} UTC" if isinstance(value, datetime) else value


_NAME = re.compile(r"\{\w+\}")

_LIBRARY = "Let a library build it."
_CLOCK = "Set the program's clock by NTP."
_NEW_TOKEN = "Let the program get a new token."  # noqa: S105  # a sentence
_PROXY = "Behind a proxy: does it pass the certificate on?"
_FORGED = "Let the program get a new token. If no program got this one here, tell whoever runs this instance: somebody may have one of its signing keys."
_STOLEN = "Nobody of yours did that? Then somebody else has read what was sent."
_OURS = "Nothing to change: let the program repeat it."
_TELL = "Tell whoever runs this instance."
_SERVERS = "Live and test, or two servers, mixed up?"
_CLIENT_ID = "Put the client ID into iss and sub."

# Who the client is
UNKNOWN_CLIENT = Refusal("unknown_client", "Unknown client", "No client has this ID. Check which server it belongs to.", _SERVERS)
DELETED_CLIENT = UNKNOWN_CLIENT.in_other_words("The client that the token was issued to is deleted.")
CLIENT_ID_MISSING = Refusal(
    "client_id_missing",
    "Client ID missing",
    "It came with a client certificate alone. Which client it is has to stand in client_id.",
    "Send client_id in the body. A program that authenticates otherwise has sent no credentials at all.",
    Remedy.EXAMPLES,
)
CLIENT_DISABLED = Refusal(
    "client_disabled", "Client disabled", "This client is disabled.", "", Remedy.ENABLE_CLIENT, "`enable_client`, if that is what you want."
)
WORKSPACE_DELETED = Refusal(
    "workspace_deleted",
    "Workspace about to be deleted",
    "The workspace {workspace} is about to be deleted, so its clients don't work. An owner can keep it.",
    "",
    Remedy.KEEP_WORKSPACE,
    "An owner of the workspace: [keep it](workspace-settings.md#delete-the-workspace).",
)
MISSING_CREDENTIALS = Refusal(
    "missing_credentials", "No credentials", "It came without credentials.", "Did the program read its configuration?", Remedy.EXAMPLES
)
METHOD_NOT_ALLOWED = Refusal(
    "method_not_allowed",
    "Method not allowed for the client",
    "It came {way}. This client allows {allowed} only.",
    "Use what the client allows, or allow this as well.",
    Remedy.CHANGE_CLIENT,
)
METHOD_AGAINST_POLICY = Refusal(
    "method_against_policy",
    "Method not allowed in the workspace",
    "It came {way}, which the workspace {workspace} no longer allows. Its admins can change that.",
    "",
    Remedy.POLICIES,
    "Give the client what the workspace allows, see [its policies](workspace-settings.md#policies).",
)
METHOD_NOT_SUPPORTED = Refusal(
    "method_not_supported",
    "Method unknown",
    "It came with another authentication scheme than Basic in the Authorization header.",
    "Use Basic or the body at the token endpoint.",
    Remedy.EXAMPLES,
    "Elsewhere use Bearer, DPoP or Basic.",
)
SCHEME_NOT_SUPPORTED = METHOD_NOT_SUPPORTED.in_other_words("It came with another authentication scheme than Bearer, DPoP and Basic.")
ADDRESS_NOT_ALLOWED = Refusal(
    "address_not_allowed",
    "Address not among the client's ranges",
    "It came from {address}, which isn't in the client's ranges.",
    "Call from one of its ranges, or add this one.",
    Remedy.CHANGE_RANGES,
    "Behind a proxy: is it in `TRUSTED_PROXIES`?",
)
TWO_METHODS = Refusal("two_methods", "Two methods at once", "It came with an Authorization and an X-API-Key header. Send one.", "", Remedy.EXAMPLES)
REPEATED_AUTHORIZATION = Refusal(
    "repeated_authorization", "Several Authorization headers", "It came with several Authorization headers. Send one.", "Does a proxy add one of its own?"
)
THROTTLED = Refusal(
    "throttled",
    "Too many failures before",
    "Too many failed authentications came from this address, of this client or of all together, so it has to wait there.",
    "Find the failures before it. Successes are never counted.",
    operator="Wait for `Retry-After`.",
)

# Secrets
MALFORMED_BASIC = Refusal("malformed_basic", "Basic malformed", "The Authorization header isn't Basic with base64 of UTF-8.", _LIBRARY, Remedy.EXAMPLES)
INCOMPLETE_BASIC = MALFORMED_BASIC.in_other_words("The Authorization header lacks the ID or the secret.")
BAD_CHECKSUM = Refusal(
    "bad_checksum",
    "Checksum of the secret wrong",
    "The secret's checksum is wrong, so it was cut off or mistyped.",
    "Copy it again. Look for a line break or a missing end.",
    Remedy.TEST,
)
NOT_A_SECRET = Refusal(
    "not_a_secret",
    "No secret at all",
    "What came as the secret isn't one: secrets begin with tos_live_ or tos_test_.",
    "Is it a variable that wasn't filled in, or another system's key?",
    Remedy.TEST,
)
UNKNOWN_SECRET = Refusal(
    "unknown_secret",
    "Unknown secret",
    "A well-formed secret that isn't from this instance. Check which server it belongs to.",
    _SERVERS,
    Remedy.TEST,
)
WRONG_SECRET = Refusal(
    "wrong_secret",
    "Wrong secret",
    "The secret carries the ID {id}, but isn't that secret: somebody altered or guessed it.",
    "Look where the program has it from.",
    Remedy.TEST,
)
OTHER_CLIENTS_SECRET = Refusal(
    "other_clients_secret",
    "Secret of another client",
    "The secret belongs to another client than the ID.",
    "ID and secret are from different clients.",
    Remedy.TEST,
)
SECRET_EXPIRED = Refusal(
    "secret_expired",
    "Secret ended",
    "Secret {id} ended on {at}.",
    "Was it rotated, and the program kept the old one?",
    Remedy.NEW_SECRET,
    "`create_secret` makes another one.",
)
SECRET_REVOKED = Refusal(
    "secret_revoked",
    "Secret revoked",
    "Secret {id} was revoked on {at}.",
    "It is gone for ever. Give the program another one.",
    Remedy.NEW_SECRET,
    "The audit log says by whom.",
)
HASHING_BUSY = Refusal(
    "hashing_busy",
    "Too busy to check the secret",
    "A secret without a digest has to wait for its turn to be hashed.",
    _OURS,
    operator="It goes away by itself. Is a key missing from `KEY_ENCRYPTION_KEYS`?",
)
BOUND_TOKEN_REQUIRED = Refusal(
    "bound_token_required",
    "Secret used where the client needs a bound token",
    "This client may only call with tokens that are bound to a key or a certificate, not with its secret.",
    "Get a token, or let the client do without.",
    Remedy.CHANGE_CLIENT,
)

# Assertions
ASSERTION_ALGORITHM_REFUSED = Refusal(
    "assertion_algorithm_refused",
    "Algorithm of the assertion not accepted",
    "The assertion's alg is {algorithm}. Use {allowed}.",
    "",
    Remedy.EXAMPLES,
    "Only an asymmetric algorithm is taken, never `none` or HMAC.",
)
ASSERTION_EXPIRED = Refusal(
    "assertion_expired",
    "Assertion ended",
    "The assertion ended {seconds} s ago: exp is {exp}, and it is {now}. Make a new one for each request.",
    "Does the program reuse one? Else compare the clocks.",
    Remedy.TEST,
)
ASSERTION_HEADER_REFUSED = Refusal(
    "assertion_header_refused",
    "Header of the assertion not accepted",
    "The assertion's header has {names}. Leave it out: the key is the one that is registered.",
    "",
    Remedy.EXAMPLES,
    "`kid` alone may name the key.",
)
ASSERTION_KID_MALFORMED = Refusal(
    "assertion_kid_malformed", "kid of the assertion malformed", "The assertion's kid isn't text.", "Send the kid that the client's page shows, or none."
)
ASSERTION_MALFORMED = Refusal(
    "assertion_malformed", "Assertion malformed", "The client assertion {problem}.", "Let a library sign it. Look for a cut-off end.", Remedy.TEST
)
ASSERTION_NOT_YET_VALID = Refusal(
    "assertion_not_yet_valid",
    "Assertion not valid yet",
    "The assertion's nbf or iat is in the future of {now}. Compare the clocks.",
    _CLOCK,
    Remedy.TEST,
)
ASSERTION_REPLAYED = Refusal(
    "assertion_replayed",
    "Assertion used twice",
    "The assertion's jti was used before, or may have been: the machine restarted since, or a clock here is wrong. Make a new one for each request.",
    _STOLEN,
    Remedy.LEAK_RESPONSE,
)
ASSERTION_TIME_MALFORMED = Refusal(
    "assertion_time_malformed",
    "Time in the assertion malformed",
    "The assertion's {name} is {value}. It has to be a number of seconds since 1970.",
    "Seconds since 1970 as a JSON number, without quotes.",
    Remedy.TEST,
)
ASSERTION_TOO_LONG = Refusal(
    "assertion_too_long",
    "Assertion valid too long",
    "The assertion's exp is {exp}, over {allowed} s after now, {now}. Let it end earlier.",
    "One minute is enough.",
    Remedy.TEST,
)
ASSERTION_TYPE_NOT_SUPPORTED = Refusal(
    "assertion_type_not_supported", "Type of assertion unknown", "It came with another client_assertion_type than {supported}.", "", Remedy.EXAMPLES
)
ASSERTION_WITHOUT_EXP = Refusal(
    "assertion_without_exp", "Assertion without exp", "The assertion lacks exp. Let it end one minute after it is made.", "", Remedy.EXAMPLES
)
ASSERTION_WITHOUT_JTI = Refusal(
    "assertion_without_jti", "Assertion without jti", "The assertion needs a jti of 1 to {most} characters, another one each time.", "", Remedy.EXAMPLES
)
ASSERTION_WITHOUT_SUB = Refusal("assertion_without_sub", "Assertion without sub", "The assertion's sub has to be the client ID.", _CLIENT_ID, Remedy.EXAMPLES)
ASSERTION_WRONG_AUDIENCE = Refusal(
    "assertion_wrong_audience",
    "Audience of the assertion wrong",
    "The assertion's aud is {audience}. It has to be one single string: {issuer} or {token_endpoint}.",
    "Send it as a string, not in an array.",
    Remedy.EXAMPLES,
    "Take the issuer from the metadata.",
)
ASSERTION_WRONG_ISSUER = Refusal(
    "assertion_wrong_issuer",
    "Issuer of the assertion wrong",
    "The assertion's iss is {issuer}. iss and sub both have to be the client ID.",
    _CLIENT_ID,
    Remedy.EXAMPLES,
)
ASSERTION_WRONG_TYP = Refusal(
    "assertion_wrong_typ",
    "typ of the assertion wrong",
    "The assertion's typ is {typ}. Leave it out, or use client-authentication+jwt.",
    "",
    Remedy.EXAMPLES,
)
ALGORITHM_NOT_OF_KEY = Refusal(
    "algorithm_not_of_key",
    "Algorithm not that of the key",
    "The assertion's alg is {algorithm}, but public key {kid} is for {allowed} only.",
    "Sign with the algorithm of the key, or add another key.",
    Remedy.NEW_KEY,
)
UNKNOWN_KEY = Refusal(
    "unknown_key",
    "Unknown key",
    "The client has no public key {kid}. Register it, or sign with one that is.",
    "Compare its kid with those on the client's page.",
    Remedy.NEW_KEY,
    "Or compare it with what is at the `jwks_uri`.",
)
NO_KEY_FOR_ALGORITHM = Refusal(
    "no_key_for_algorithm",
    "No key for the algorithm",
    "The assertion has no kid, and the client no usable public key for {algorithm}.",
    "Was it revoked, or has it ended?",
    Remedy.NEW_KEY,
    "Register the key, or sign with one that is.",
)
WRONG_SIGNATURE = Refusal(
    "wrong_signature",
    "Signature wrong",
    "The assertion isn't signed by {key}.",
    "Does the program sign with the private half of the key that is registered?",
    Remedy.NEW_KEY,
)
TOO_MANY_KEYS = WRONG_SIGNATURE.in_other_words(
    "The assertion isn't signed by any of the public keys of the client that were tried. It has many: let the assertion name its kid."
)
KEY_EXPIRED = Refusal("key_expired", "Key ended", "Public key {kid} ended on {at}.", "Make a new pair.", Remedy.NEW_KEY, "Register it with `add_public_key`.")
KEY_REVOKED = Refusal(
    "key_revoked",
    "Key revoked",
    "Public key {kid} was revoked on {at}.",
    "Make a new pair, unless the wrong one was revoked.",
    Remedy.AUDIT_LOG,
    "The audit log says by whom.",
)
JWKS_URI_BUSY = Refusal(
    "jwks_uri_busy",
    "Too busy to fetch the keys",
    "Too many clients' keys are being fetched from their jwks_uri at once.",
    _OURS,
    operator="Is a host of theirs slow?",
)
JWKS_URI_UNAVAILABLE = Refusal(
    "jwks_uri_unavailable",
    "jwks_uri can't be reached",
    "The client's public keys couldn't be fetched from its jwks_uri: {problem}.",
    "Open the address yourself: does it answer?",
    Remedy.CHANGE_CLIENT,
    "A host inside a private network: `OUTBOUND_ALLOWED_HOSTS`.",
)
JWKS_URI_UNUSABLE = Refusal(
    "jwks_uri_unusable",
    "jwks_uri holds no keys",
    "What is at the client's jwks_uri isn't a JWK Set.",
    'Open the address yourself: does it answer with {"keys": […]}?',
    Remedy.CHANGE_CLIENT,
)

# Certificates
CERTIFICATE_EXPIRED = Refusal(
    "certificate_expired",
    "Certificate ended",
    "The certificate ended on {at}.",
    "Issue a new one.",
    Remedy.NEW_CERTIFICATE,
    "If it is registered by itself, run `add_certificate`.",
)
CERTIFICATE_MALFORMED = Refusal(
    "certificate_malformed",
    "Certificate malformed",
    "The client certificate can't be read. Where a proxy passes it on: does CLIENT_CERT_HEADER name the header that the proxy sets?",
    "Compare the proxy's configuration with the examples in deploy/.",
    operator="The header comes once, in its own form, complete.",
)
CERTIFICATE_MISMATCH = Refusal(
    "certificate_mismatch",
    "Token bound to another certificate",
    "The token is bound to a certificate, and the connection has none or another one.",
    f"Use the token over connections with the certificate that obtained it. {_PROXY}",
)
CERTIFICATE_MISSING = Refusal(
    "certificate_missing",
    "No certificate",
    "It came without the client certificate by which this client authenticates. Where a proxy ends TLS: does it pass the certificate on?",
    _PROXY,
    Remedy.EXAMPLES,
    "Are `TRUSTED_PROXIES` and `CLIENT_CERT_HEADER` right? Does the program send its certificate (`curl --cert`)? The server asks for one only while a "
    "certificate or a CA is registered.",
)
CERTIFICATE_NOT_YET_VALID = Refusal(
    "certificate_not_yet_valid",
    "Certificate not valid yet",
    "The certificate begins on {at}.",
    "Wait, or issue one that begins earlier. Is a clock wrong?",
)
CERTIFICATE_REQUIRED = Refusal(
    "certificate_required",
    "Token without the certificate that the client needs",
    "This client's tokens must be bound to a certificate, and the connection has none.",
    _PROXY,
    Remedy.EXAMPLES,
    "Otherwise connect with the client certificate.",
)
CERTIFICATE_REVOKED = Refusal(
    "certificate_revoked",
    "Certificate revoked",
    "Certificate {thumbprint} was revoked on {at}.",
    "Issue a new key and certificate.",
    Remedy.NEW_CERTIFICATE,
    "Was the revocation meant for this one?",
)
BOUND_CERTIFICATE_REVOKED = CERTIFICATE_REVOKED.in_other_words("The certificate that the token is bound to is revoked.")
CERTIFICATE_SUBJECT = Refusal(
    "certificate_subject",
    "Certificate of another subject",
    "The certificate doesn't name {subject} as {kind}, which is this client's.",
    "A subject is compared exactly, and in its order.",
    Remedy.CHANGE_CLIENT,
    "Compare with `openssl x509 -noout -subject -nameopt RFC2253 -ext subjectAltName`.",
)
CERTIFICATE_UNKNOWN = Refusal(
    "certificate_unknown",
    "Unknown certificate",
    "Certificate {thumbprint} isn't registered for this client.",
    "Add it, or let the program use the one that is known.",
    Remedy.NEW_CERTIFICATE,
    "Run `add_certificate`.",
)
CERTIFICATE_UNSUITABLE = Refusal(
    "certificate_unsuitable",
    "Certificate not for clients",
    "The certificate isn't for TLS clients, has a weak key or signature, or is itself a CA's.",
    "Issue one with the extended key usage clientAuth, and a key of P-256, Ed25519 or RSA from 2,048 bits.",
)
CERTIFICATE_UNTRUSTED = Refusal(
    "certificate_untrusted",
    "Certificate of an unknown CA",
    "The certificate is neither registered for this client nor issued by a CA in client-ca.pem that is valid today.",
    "The CA that issued it has to stand in client-ca.pem itself; or add the certificate.",
    Remedy.NEW_CERTIFICATE,
    "The file is `$DATA_DIR/tls/client-ca.pem`. An intermediate CA must stand there itself.",
)
CA_WITHDRAWN = CERTIFICATE_UNTRUSTED.in_other_words("The CA of the certificate that obtained the token isn't in client-ca.pem any more.")

# What it asked for
SCOPE_NOT_ALLOWED = Refusal(
    "scope_not_allowed",
    "Scope not among the client's scopes",
    "{scopes} isn't among this client's scopes. Ask for less, or give it to the client.",
    "",
    Remedy.ADD_TO_CLIENT,
)
INVALID_SCOPE = Refusal(
    "invalid_scope",
    "Scope malformed",
    "What the caller was told: the scope is malformed.",
    "Scope names, separated by single spaces.",
    Remedy.EXAMPLES,
)
INSUFFICIENT_SCOPE = Refusal(
    "insufficient_scope",
    "Scope missing in the token",
    "It lacks a scope of those required there: {required}.",
    "Ask for a token with that scope, or give the client the scope.",
    Remedy.ADD_TO_CLIENT,
)
OTHER_ENVIRONMENT = Refusal(
    "other_environment",
    "Test client at a live API, or the other way round",
    "It is a {environment} client, and those aren't let in there: the gateway demands another environment.",
    "Call with a client of the environment that is let in there, or change what the gateway demands.",
    operator="See [the gateway](tokens.md#the-gateway).",
)
EMPTY_DEMAND = Refusal(
    "impossible_demand",
    "Demand at the gateway that nobody meets",
    "The gateway demands an empty {name}, which nobody has. Is a variable in the proxy's configuration not set?",
    "Correct what the proxy asks the gateway for. It is in its configuration, in the query or the headers of its request.",
    operator="See [the gateway](tokens.md#the-gateway).",
)
UNKNOWN_DEMAND_BY_HEADER = EMPTY_DEMAND.in_other_words(
    "The gateway demands something by the header {name}, which TokenOS doesn't know. "
    "It knows X-TokenOS-Require-Audience, X-TokenOS-Require-Environment and X-TokenOS-Require-Scope."
)
UNKNOWN_DEMAND = EMPTY_DEMAND.in_other_words(
    "The gateway demands something by the parameter {name}, which TokenOS doesn't know. It knows audience, environment and scope."
)
AUDIENCE_WITHHELD = Refusal(
    "audience_withheld",
    "Audience of another workspace",
    "{audiences} belongs to another workspace of this instance, and its API would take a token of this client for one of theirs. "
    "Give the client another audience, or have the operator hand this one over.",
    "",
    Remedy.CHANGE_CLIENT,
    "`check_audiences` names all such clients, `hand_over_audience` makes it this workspace's.",
)
RESOURCE_NOT_ALLOWED = Refusal(
    "resource_not_allowed",
    "Resource not among the client's audiences",
    "{resource} isn't among this client's audiences. Leave resource out, or give it to the client.",
    "",
    Remedy.ADD_TO_CLIENT,
)
WRONG_AUDIENCE = Refusal(
    "wrong_audience",
    "Token for another audience",
    "It is good for {audiences}, not for {demanded}.",
    "Ask with resource, or give the client that audience.",
    Remedy.CHANGE_CLIENT,
)
INVALID_REQUEST = Refusal("invalid_request", "Request malformed", "What the caller was told: it says what to correct.", "", Remedy.EXAMPLES)
UNSUPPORTED_GRANT_TYPE = Refusal(
    "unsupported_grant_type", "Grant type unknown", "What the caller was told.", "Send grant_type=client_credentials.", Remedy.EXAMPLES
)
FOREIGN_HOST = Refusal(
    "foreign_host",
    "Foreign host name",
    "It came under a host name that isn't one of this instance.",
    "Use the issuer's address. Behind a proxy: does it send X-Forwarded-Host? The administrator adds further names to ALLOWED_HOSTS.",
)
FOREIGN_PAGE = Refusal(
    "foreign_page",
    "Sent by a web page of another site",
    "A web page of another site sent it, by the browser of somebody who looked at that page.",
    "Move the call to a server. If the page isn't yours: somebody tries IDs or secrets by other people's browsers.",
)
PLAIN_HTTP = Refusal(
    "plain_http",
    "Plain HTTP",
    "It came over plain HTTP. Use https.",
    "Correct the address. Behind a proxy: does it send X-Forwarded-Proto?",
    Remedy.ROTATE,
    "Is the proxy in `TRUSTED_PROXIES`? If it came with credentials, run `rotate_secret --overlap 0`.",
)
CREDENTIALS_OVER_PLAIN_HTTP = PLAIN_HTTP.in_other_words("It came over plain HTTP with credentials. Use https. Treat the secret as leaked: rotate it now.")
CREDENTIALS_IN_QUERY = Refusal(
    "credentials_in_query",
    "Credentials in the URL",
    "It had credentials in the URL, where proxies and logs keep them. Treat the secret as leaked: rotate it now.",
    "Send them in a header or the body.",
    Remedy.ROTATE,
    "Run `rotate_secret --overlap 0`.",
)

# DPoP proofs
DPOP_JKT_MISMATCH = Refusal(
    "dpop_jkt_mismatch",
    "DPoP proof by another key than dpop_jkt",
    "dpop_jkt isn't the thumbprint of the key that signed the DPoP proof.",
    "Leave dpop_jkt out, or send the RFC 7638 thumbprint.",
)
DPOP_OTHER_KEY = Refusal(
    "dpop_other_key",
    "Token bound to another key",
    "The DPoP proof is signed by another key than the one that the token is bound to.",
    "Sign with the key that the token was obtained with. Somebody else's program with a stolen token?",
    Remedy.LEAK_RESPONSE,
)
DPOP_PROOF_ALGORITHM = Refusal(
    "dpop_proof_algorithm",
    "Algorithm of the DPoP proof not accepted",
    "alg of the DPoP proof isn't an algorithm for the key in its header.",
    "Use ES256.",
    operator="Any other that `WWW-Authenticate` lists is good as well.",
)
DPOP_PROOF_HEADER = Refusal(
    "dpop_proof_header",
    "Header of the DPoP proof not accepted",
    "The header of the DPoP proof names another key, or extensions. typ, alg and jwk are enough.",
    "Leave the rest out.",
)
DPOP_PROOF_JTI = Refusal(
    "dpop_proof_jti",
    "jti of the DPoP proof malformed",
    "jti of the DPoP proof is missing or isn't a string of 1 to 256 characters.",
    "A new random text for each proof.",
)
DPOP_PROOF_KEY = Refusal(
    "dpop_proof_key",
    "Key of the DPoP proof not accepted",
    "The key in the DPoP proof can't be used. {problem}",
    "Use a key of P-256, P-384, P-521, Ed25519, or RSA of 2,048 to 8,192 bits.",
)
DPOP_PROOF_WITHOUT_KEY = DPOP_PROOF_KEY.in_other_words("The header of the DPoP proof holds no JWK.")
DPOP_PROOF_MALFORMED = Refusal("dpop_proof_malformed", "DPoP proof malformed", "The DPoP header can't be read: the JWT {problem}.", _LIBRARY, Remedy.EXAMPLES)
DPOP_PROOF_METHOD = Refusal(
    "dpop_proof_method",
    "DPoP proof for another method",
    "htm of the DPoP proof isn't {method}, the method of the request.",
    "In capitals. Behind a gateway: does the proxy set X-Forwarded-Method?",
)
DPOP_PROOF_MISSING = Refusal(
    "dpop_proof_missing",
    "No DPoP proof",
    "It came without the DPoP proof that it needs.",
    "Send a DPoP header with each request. Does a proxy remove it?",
    Remedy.EXAMPLES,
)
DPOP_PROOF_PRIVATE_KEY = Refusal(
    "dpop_proof_private_key",
    "Private key in the DPoP proof",
    "The DPoP proof holds the private key itself, which is compromised now. Let the client make a new pair.",
    "Put only the public members into jwk.",
)
DPOP_PROOF_REPEATED = Refusal(
    "dpop_proof_repeated", "Several DPoP proofs", "It came with several DPoP headers. Send one.", "Does a proxy or a library add one of its own?"
)
DPOP_PROOF_REPLAYED = Refusal(
    "dpop_proof_replayed",
    "DPoP proof used twice",
    "The DPoP proof was used before, or may have been: the machine restarted since, or a clock here is wrong.",
    _STOLEN,
    Remedy.LEAK_RESPONSE,
    "Make a new proof for each request, even a repeated one.",
)
DPOP_PROOF_SIGNATURE = Refusal(
    "dpop_proof_signature",
    "Signature of the DPoP proof wrong",
    "The signature of the DPoP proof isn't of the key in its header.",
    _LIBRARY,
    Remedy.EXAMPLES,
)
DPOP_PROOF_TIME = Refusal(
    "dpop_proof_time",
    "Time of the DPoP proof wrong",
    "iat of the DPoP proof isn't a number, or isn't now. Make a proof for each request, and set the client's clock.",
    _CLOCK,
    Remedy.TEST,
    "A proof is taken for 60 seconds, with 30 more for the clocks.",
)
DPOP_PROOF_LIMITS = DPOP_PROOF_TIME.in_other_words("exp or nbf of the DPoP proof isn't a number, or doesn't allow it now. Leave both out.")
DPOP_PROOF_TOKEN = Refusal(
    "dpop_proof_token",
    "DPoP proof for another token",
    "ath of the DPoP proof isn't the hash of the access token that it came with.",
    "base64url of the token's SHA-256, without padding.",
)
DPOP_PROOF_TYP = Refusal("dpop_proof_typ", "typ of the DPoP proof wrong", "The JWT in the DPoP header isn't of the type dpop+jwt.", _LIBRARY, Remedy.EXAMPLES)
DPOP_PROOF_URL = Refusal(
    "dpop_proof_url",
    "DPoP proof for another address",
    "htu of the DPoP proof isn't {url}. Behind a gateway: does it pass on the original host and path?",
    "The address without its query; behind a gateway that of your API.",
    operator="Without a gateway it is below `ISSUER_URL`. See [the gateway](tokens.md#the-gateway).",
)
DPOP_TARGET_MALFORMED = Refusal(
    "dpop_target_malformed",
    "Original request behind the gateway malformed",
    "Method, host or URL of the original request, as the proxy says them, can't be read, so no DPoP proof is for it. "
    "A URL is up to 8,000 characters of ASCII, without blanks.",
    "Encode the URL as RFC 3986 has it. Does the proxy say method, host and URL of the original request once each?",
    operator="They are `X-Forwarded-Method`, `X-Forwarded-Host` and `X-Forwarded-Uri`.",
)
USE_DPOP_NONCE = Refusal(
    "use_dpop_nonce",
    "Nonce of the DPoP proof missing or old",
    "Its DPoP proof had no nonce or an old one. The answer holds a new one, for the client to try again with.",
    "Nothing, if it got through then. Else let a library do it.",
)

# Tokens
BAD_TOKEN = Refusal(
    "bad_token",
    "Token malformed or not ours",
    "The token is malformed or was not signed by this instance.",
    "Is it a token of this server?",
    Remedy.LEAK_RESPONSE,
)
INVALID_TOKEN = Refusal("invalid_token", "No token", "What the caller was told: it came without credentials.", "Send an Authorization header.", Remedy.EXAMPLES)
TOKEN_EXPIRED = Refusal(
    "token_expired",
    "Token ended",
    "The token ended at {at} UTC.",
    "Get a new one a little before the old one ends. Compare the clocks.",
)
TOKEN_REVOKED = Refusal("token_revoked", "Token revoked", "The token is revoked.", _NEW_TOKEN)
TOKEN_NOT_BOUND = Refusal(
    "token_not_bound",
    "Token not bound",
    "This client may only use tokens that are bound to a key or a certificate, and this one isn't as it must be.",
    _NEW_TOKEN,
)
BEARER_TOKEN_UNDER_DPOP = Refusal(
    "bearer_token_under_dpop",
    "Unbound token sent as DPoP",
    "The token isn't bound to a key, but came under DPoP. Send it under Bearer, or get a bound one.",
    "Ask for the token with a DPoP header.",
)
DPOP_TOKEN_AS_BEARER = Refusal(
    "dpop_token_as_bearer",
    "Bound token sent as Bearer",
    "The token is bound to a key, but came under Bearer. Send it under DPoP with a proof.",
    "Somebody else's program with a stolen token?",
    Remedy.LEAK_RESPONSE,
)
CREDENTIAL_REVOKED = Refusal(
    "credential_revoked",
    "Credential of the token revoked",
    "The credential {credential_id}, which obtained the token, is revoked.",
    "Get a new token with a credential that works.",
)
SIGNING_KEY_REVOKED = Refusal("signing_key_revoked", "Signing key of the token revoked", "The key that signed the token is revoked.", _NEW_TOKEN)
SIGNING_KEY_RETIRED = Refusal(
    "signing_key_retired",
    "Signing key of the token retired",
    "The key that signed the token retired long ago, and every token that it signed until then has ended.",
    _FORGED,
    operator="If the program got this one from here just now, a node's clock is wrong; if nobody did, "
    "[somebody has an old signing key](rotation.md#a-signing-key-was-stolen).",
)
TOKEN_LIFETIME = Refusal(
    "token_lifetime",
    "Token lives too long",
    "The token claims to live longer than any token of this instance does.",
    _FORGED,
    operator="It is forged: [revoke the signing key](rotation.md#a-signing-key-was-stolen) that its `kid` names.",
)
OTHER_ISSUER = Refusal(
    "other_issuer",
    "Token of another issuer",
    "The token was issued under another issuer URL.",
    "The token comes from another server, or this one has a new address: get a new one.",
    operator="That address is `ISSUER_URL`.",
)
OTHER_WORKSPACE = Refusal(
    "other_workspace",
    "Token of another workspace",
    "It was used at the gateway of another workspace.",
    "Which /gateway/…/verify does the proxy ask?",
)
NO_WORKSPACE = OTHER_WORKSPACE.in_other_words("It was used at the gateway of a workspace that doesn't exist.")
TOO_MANY_REVOCATIONS = Refusal(
    "too_many_revocations",
    "Too many revocations",
    "The client has revoked 20,000 of its tokens within this hour. This one isn't revoked.",
    "Does the program revoke every token that it gets? Make them short instead.",
    Remedy.CHANGE_CLIENT,
    "`--token-lifetime` does that. Disabling the client stops all of them at once.",
)

# Faults of ours
DATABASE_UNAVAILABLE = Refusal(
    "database_unavailable", "Database not reachable", "The database couldn't be reached.", _OURS, operator="See [operations](operations.md)."
)
OVERDUE = Refusal(
    "overdue",
    "Took too long",
    "It was given up: it took too long, for the database was slow, or too many requests came at once.",
    _OURS,
    operator="See [operations](operations.md#postgresql).",
)
CROWDED = Refusal(
    "crowded",
    "Too many requests at once",
    "It was refused at once: too many requests were waiting already.",
    _OURS,
    operator="If it comes often, raise `WEB_CONCURRENCY`, or see what slows the database down.",
)
NO_SIGNING_KEY = Refusal(
    "no_signing_key",
    "No signing key",
    "There is no signing key. Run “.venv/bin/python manage.py rotate_signing_key --now”.",
    _TELL,
    operator="Run that.",
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
"""By code, each in all of its words."""


def find(code: str) -> Refusal | None:
    """None for one that an older version wrote."""
    return next(iter(REFUSALS.get(code, ())), None)
