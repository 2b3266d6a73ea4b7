"""The limits of our pages in a browser: based on default-src 'none', with nothing inline and nothing from other sites.

It is named like the middleware in Django 6.0, which will replace it.
"""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

GetResponse = Callable[[HttpRequest], HttpResponse]

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
PERMISSIONS = ", ".join(f"{feature}=()" for feature in ("camera", "display-capture", "geolocation", "microphone", "payment", "serial", "usb"))


class ContentSecurityPolicyMiddleware:
    """Leaves alone responses that aren't HTML, and a policy that the view has set."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.get("Content-Type", "").startswith("text/html"):
            response.headers.setdefault("Content-Security-Policy", POLICY)
            response.headers.setdefault("Permissions-Policy", PERMISSIONS)
        return response
