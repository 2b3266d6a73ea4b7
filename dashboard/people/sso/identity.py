"""A person's identity according to the provider, from the claims of ID token and UserInfo: OpenID Connect Core 1.0 §5.1, RFC 8176."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from dashboard.instance.mail.addresses import in_ascii, is_address
from oauth.jose import is_time

# Authentication contexts that mean more than one factor: those of OpenID Connect EAP ACR Values 1.0 and PAPE, and the recommended name for Keycloak's
# “ACR to LoA mapping”.
SECOND_FACTOR_CONTEXTS = frozenset({"mfa", "phr", "phrh", "http://schemas.openid.net/pape/policies/2007/06/multi-factor"})

_GOOGLE = "https://accounts.google.com"


class InvalidClaimsError(Exception):
    """Its text says what is wrong with the claims, for the operator's log."""


@dataclass(frozen=True, slots=True)
class Identity:
    """email: in lower case, "" for none. email_is_proved: whether the provider vouches for it. groups: the groups in SSO_ROLES that the person is in.

    has_second_factor: whether the provider says that it asked for more than one factor. proved_at: when it asked, in seconds since 1970; 0 if it doesn't say.
    """

    issuer: str
    subject: str
    email: str
    email_is_proved: bool
    name: str
    groups: frozenset[str]
    has_second_factor: bool
    proved_at: float


def read_identity(id_token: Mapping[str, Any], userinfo: Mapping[str, Any]) -> Identity:
    """id_token: verified claims. userinfo: {} if the provider has none. Signed claims take precedence. Raise InvalidClaimsError."""
    if userinfo and userinfo.get("sub") != id_token["sub"]:
        # §5.3.2: otherwise an attacker who can inject another person's access token would get that person's address and groups.
        raise InvalidClaimsError("UserInfo is about a different person than the ID token")
    email, email_is_proved = _read_email(id_token, userinfo)
    name = {**userinfo, **id_token}.get("name")
    return Identity(
        issuer=id_token["iss"],
        subject=id_token["sub"],
        email=email,
        email_is_proved=email_is_proved,
        name=_clean_name(name) if isinstance(name, str) else "",
        groups=_read_groups(id_token, userinfo),
        has_second_factor=_says_second_factor(id_token),
        proved_at=id_token["auth_time"] if is_time(id_token.get("auth_time")) else 0,
    )


def is_of_trusted_domain(email: str) -> bool:
    return email.rpartition("@")[2] in [in_ascii(f"@{domain.lower()}")[1:] for domain in settings.SSO_DOMAINS]


def _read_email(id_token: Mapping[str, Any], userinfo: Mapping[str, Any]) -> tuple[str, bool]:
    """The address and whether it is verified must be in the same document to belong together.

    A trusted domain helps if the provider doesn't say whether an address is verified, but not if it says that it isn't. It doesn't help with Entra (recognised
    by tid): an administrator, even of a guest's own tenant, can give a person any address. At Google, anybody can have an account with an address elsewhere,
    so an address in a domain only counts from the Google Workspace of that domain, which hd names.
    """
    found = [(_clean_email(claims.get("email")), _says_verified(claims)) for claims in (id_token, userinfo)]
    found = [(email, said) for email, said in found if email]
    email, said = next((pair for pair in found if pair[1]), found[0] if found else ("", False))
    is_trusted = is_of_trusted_domain(email)
    if is_trusted and id_token["iss"] == _GOOGLE and not is_of_trusted_domain(f"@{id_token.get('hd')}".lower()):
        return email, False
    return email, bool(email) and (is_trusted and "tid" not in id_token if said is None else said)


def _says_verified(claims: Mapping[str, Any]) -> bool | None:
    """Whether the provider says that the address is verified; None if it doesn't say. Some providers write it as a string. xms_edov is Entra's: whether the
    owner of the address's domain has verified it.
    """
    said = []
    if claims.get("email_verified") is not None:
        said.append(claims["email_verified"] is True or claims["email_verified"] == "true")
    if claims.get("xms_edov") is not None:
        said.append(claims["xms_edov"] in (True, "true", "1"))
    return all(said) if said else None


def _clean_email(value: object) -> str:
    """The address in lower case; "" if it isn't one. An audit event has room for 254 characters, including the account's number."""
    written = value.strip() if isinstance(value, str) else ""
    email = in_ascii(written.lower())
    # The only other character whose lower case is a letter of ASCII is the Kelvin sign: mar\u212a@ and mark@ are two mailboxes (RFC 6531 §3.2).
    is_same_mailbox = email.rpartition("@")[0].isascii() == written.rpartition("@")[0].isascii()
    return email if is_same_mailbox and len(email) <= 240 and is_address(email) else ""


def _clean_name(name: str) -> str:
    """The name for display: on one line, without unprintable characters, such as marks that change the reading direction."""
    return "".join(character for character in " ".join(name.split()) if character.isprintable())[:100].strip()


def _read_groups(id_token: Mapping[str, Any], userinfo: Mapping[str, Any]) -> frozenset[str]:
    claim = settings.SSO_GROUPS_CLAIM
    for claims in (id_token, userinfo):
        # §5.6.2. Treating this as no groups would remove all roles of people with many groups.
        elsewhere = claims.get("_claim_names")
        if (isinstance(elsewhere, dict) and claim in elsewhere) or claims.get("hasgroups") is True:
            raise InvalidClaimsError("the person is in more groups than fit into a token. Make the provider send only those that SSO_ROLES names")
    value = id_token.get(claim, userinfo.get(claim, []))
    named = {value} if isinstance(value, str) else {group for group in value if isinstance(group, str)} if isinstance(value, list) else set()
    return frozenset(group for group, _, _ in settings.SSO_ROLES if group in named)


def _says_second_factor(id_token: Mapping[str, Any]) -> bool:
    methods, context = id_token.get("amr"), id_token.get("acr")
    return (isinstance(methods, list) and "mfa" in methods) or (isinstance(context, str) and context in SECOND_FACTOR_CONTEXTS)
