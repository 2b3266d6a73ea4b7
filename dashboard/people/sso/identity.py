"""Whom the provider says somebody is, from the claims of ID token and UserInfo: OpenID Connect Core 1.0 §5.1, RFC 8176."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from dashboard.instance.mail.addresses import in_ascii, is_address
from oauth.jose import is_time

# Authentication contexts that mean more than one factor: those of OpenID Connect EAP ACR Values 1.0 and of PAPE, and the name that Keycloak's
# “ACR to LoA mapping” is best given.
SECOND_FACTOR_CONTEXTS = frozenset({"mfa", "phr", "phrh", "http://schemas.openid.net/pape/policies/2007/06/multi-factor"})

_GOOGLE = "https://accounts.google.com"


class InvalidClaimsError(Exception):
    """As text: what is wrong with them, for the operator's log."""


@dataclass(frozen=True, slots=True)
class Identity:
    """email: in lower case, "" for none. email_is_proved: whether the provider answers for it. groups: those of SSO_ROLES that the person is in.

    has_second_factor: whether the provider says that it asked for more than one. proved_at: when it did ask, in seconds since 1970, 0 where it doesn't say.
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
    """id_token: verified claims. userinfo: {} where the provider has none. What is signed wins. Raise InvalidClaimsError."""
    if userinfo and userinfo.get("sub") != id_token["sub"]:
        # §5.3.2: else whoever can put another's access token in has that person's address and groups.
        raise InvalidClaimsError("UserInfo is about somebody else than the ID token")
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
    """The address and whether it is verified stand in the same document, or they mean nothing together.

    A domain stands in for a provider that doesn't say whether an address is verified, never for one that says that it isn't. Nor for Entra, which tid shows: an
    administrator there gives a person any address, and a guest's administrator as well. At Google anybody may have an account with an address elsewhere, so one
    of a domain counts only from a Google Workspace with such a domain, which hd names.
    """
    found = [(_clean_email(claims.get("email")), _says_verified(claims)) for claims in (id_token, userinfo)]
    found = [(email, said) for email, said in found if email]
    email, said = next((pair for pair in found if pair[1]), found[0] if found else ("", False))
    is_trusted = is_of_trusted_domain(email)
    if is_trusted and id_token["iss"] == _GOOGLE and not is_of_trusted_domain(f"@{id_token.get('hd')}".lower()):
        return email, False
    return email, bool(email) and (is_trusted and "tid" not in id_token if said is None else said)


def _says_verified(claims: Mapping[str, Any]) -> bool | None:
    """None where it says nothing. Some providers write it as text. xms_edov is Entra's: whether the owner of the address's domain answers for it."""
    said = []
    if claims.get("email_verified") is not None:
        said.append(claims["email_verified"] is True or claims["email_verified"] == "true")
    if claims.get("xms_edov") is not None:
        said.append(claims["xms_edov"] in (True, "true", "1"))
    return all(said) if said else None


def _clean_email(value: object) -> str:
    """ "" for what is no address. An audit event takes 254 characters, of which the account's number needs some."""
    email = in_ascii(value.strip().lower()) if isinstance(value, str) else ""
    return email if len(email) <= 240 and is_address(email) else ""


def _clean_name(name: str) -> str:
    """For showing it: on one line, without what can't be printed, such as marks that turn the reading direction."""
    return "".join(character for character in " ".join(name.split()) if character.isprintable())[:100].strip()


def _read_groups(id_token: Mapping[str, Any], userinfo: Mapping[str, Any]) -> frozenset[str]:
    claim = settings.SSO_GROUPS_CLAIM
    for claims in (id_token, userinfo):
        # §5.6.2. As if there were no groups, everybody with many of them would lose his roles.
        elsewhere = claims.get("_claim_names")
        if (isinstance(elsewhere, dict) and claim in elsewhere) or claims.get("hasgroups") is True:
            raise InvalidClaimsError("the person is in more groups than fit into a token. Have the provider send only those that SSO_ROLES names")
    value = id_token.get(claim, userinfo.get(claim, []))
    named = {value} if isinstance(value, str) else {group for group in value if isinstance(group, str)} if isinstance(value, list) else set()
    return frozenset(group for group, _, _ in settings.SSO_ROLES if group in named)


def _says_second_factor(id_token: Mapping[str, Any]) -> bool:
    methods, context = id_token.get("amr"), id_token.get("acr")
    return (isinstance(methods, list) and "mfa" in methods) or (isinstance(context, str) and context in SECOND_FACTOR_CONTEXTS)
