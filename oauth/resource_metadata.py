"""Protected resource metadata, RFC 9728, for a workspace's own resource and, for discovery only, for the whole instance.

The answer is the same for a workspace that doesn't exist, so it doesn't reveal which ones do. scopes_supported is left out on purpose: client libraries
request every scope that it lists, and a client that has fewer is refused.
"""

import re

from django.conf import settings

from clients.audience import workspace_audience
from oauth.endpoint import endpoint
from oauth.issuer import issuer_path
from oauth.jose import SIGNATURE_ALGORITHMS
from oauth.messages import Request, Response
from oauth.metadata import METADATA_MAX_AGE, public_headers

PREFIX = "/.well-known/oauth-protected-resource"

_WORKSPACE = re.compile(r"/w/([a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)")


def is_path(path: str) -> bool:
    """Whether path is PREFIX, with or without the issuer's path after it (§3.1), and then nothing or /w/<workspace>."""
    return path.startswith(PREFIX) and _read_resource(path) is not None


@endpoint("metadata", methods=("GET", "HEAD"), is_for_every_origin=True)
def resource_metadata(request: Request) -> Response:
    """§2."""
    return Response.json(
        {
            "resource": _read_resource(request.path),
            "authorization_servers": [settings.ISSUER_URL],
            "bearer_methods_supported": ["header"],
            "dpop_signing_alg_values_supported": SIGNATURE_ALGORITHMS,
            "tls_client_certificate_bound_access_tokens": True,
        },
        headers=public_headers(METADATA_MAX_AGE),
    )


def _read_resource(path: str) -> str | None:
    rest = path.removeprefix(PREFIX).removeprefix(issuer_path())
    workspace = _WORKSPACE.fullmatch(rest)
    if workspace is not None:
        return workspace_audience(workspace[1])
    return None if rest else str(settings.ISSUER_URL)
