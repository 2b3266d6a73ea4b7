"""Shows a secret on the only page that ever contains it: in recognisable parts, as a file, and in ready-to-run requests.

That page is the response to the POST that made the secret. It isn't stored anywhere, and it doesn't reveal its address to other sites.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from clients.models import Client, ClientPublicKey, ClientSecret, RecordedRequest
from clients.secret import CHECKSUM_LENGTH
from clients.services.secrets import NewSecret
from dashboard.frame.snippets import Snippet, TokenRequest, snippets_for
from dashboard.frame.snippets.token_request import methods_to_show

_DAY = 24 * 60 * 60


@dataclass(frozen=True, slots=True)
class SecretOnce:
    """The data for templates/components/secret_once.html, where it is called once.

    parts: the prefix, the secret ID, the middle and the checksum. env_file, env_url: the name of the .env file, and a data: link that contains it, so that the
    secret isn't sent again. after: the client's newest request so far, where the feed begins.
    """

    client: Client
    secret: ClientSecret
    plaintext: str
    parts: tuple[str, str, str, str]
    snippets: Sequence[Snippet]
    env_file: str
    env_url: str
    after: int

    @property
    def ends_soon(self) -> bool:
        """Whether the expiry is written as “in 5 h” and not as a date."""
        return self.secret.lifetime is not None and self.secret.lifetime <= _DAY


def describe_secret(new: NewSecret, *, ca: str | None = None) -> SecretOnce:
    """ca: the CA file on the reader's machine, None if the reader is on this one."""
    client = new.secret.client
    prefix, _, rest = new.plaintext.partition(new.secret.secret_id)
    return SecretOnce(
        client=client,
        secret=new.secret,
        plaintext=new.plaintext,
        parts=(prefix, new.secret.secret_id, rest[:-CHECKSUM_LENGTH], rest[-CHECKSUM_LENGTH:]),
        snippets=snippets_for(TokenRequest.of(client, _secret_method(client), secret=new.plaintext, ca=ca)),
        env_file=env_file_name(client),
        env_url="data:text/plain;charset=utf-8," + quote(write_env(client, new.plaintext), safe=""),
        after=newest_request(client),
    )


def describe_examples(client: Client, *, key: ClientPublicKey | None = None) -> Sequence[Snippet]:
    """The examples for a client without a secret. key: the key to sign with."""
    return snippets_for(TokenRequest.of(client, methods_to_show(client.auth_methods)[0], key=key))


def show_once(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    response = render(request, template, context)
    response["Cache-Control"] = "no-store"
    # It isn't no-referrer, because then browsers send “Origin: null”, and the page's forms would be refused.
    response["Referrer-Policy"] = "strict-origin"
    return response


def write_env(client: Client, secret: str) -> str:
    """The file is for shells, docker and libraries that read such files: no value needs quotes."""
    return f"TOKENOS_CLIENT_ID={client.client_id}\nTOKENOS_CLIENT_SECRET={secret}\nTOKENOS_TOKEN_URL={settings.ISSUER_URL}/oauth2/token\n"


def env_file_name(client: Client) -> str:
    """Keeps only those characters of the client's name that are safe in every file system and shell."""
    name = re.sub(r"[^a-z0-9]+", "-", client.name.lower()).strip("-")[:60]
    return f"{name or client.client_id}.env"


def newest_request(client: Client) -> int:
    """The primary key of the client's newest RecordedRequest, 0 if there is none."""
    return RecordedRequest.objects.filter(client=client).order_by("-created_at", "-pk").values_list("pk", flat=True).first() or 0


def _secret_method(client: Client) -> str:
    return next(method for method in methods_to_show(client.auth_methods) if method.startswith("client_secret"))
