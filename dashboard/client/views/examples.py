"""Ready-to-run requests for one client, without its secret, one for each of its authentication methods."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from dashboard.client.credentials.secret_once import env_file_name
from dashboard.client.examples import examples_of
from dashboard.client.overview import ask_standing
from dashboard.frame.found import find_client
from dashboard.frame.snippets import chosen_language
from dashboard.models import Membership
from dashboard.people.permissions import Permission, member


@member(Permission.VIEW)
def client_examples(request: HttpRequest, membership: Membership, client_id: str) -> HttpResponse:
    found, now = find_client(membership, client_id), timezone.now()
    context = {
        "client": found,
        "standing": ask_standing(found, now=now),
        "tab": "examples",
        "examples": examples_of(found, now=now),
        "language": chosen_language(request),
        "env_file": env_file_name(found),
    }
    return render(request, "client/examples.html", context)
