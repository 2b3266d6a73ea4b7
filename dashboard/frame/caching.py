"""Decides what browsers may cache. Static files (by WhiteNoise) for a year, because their names change with their content; pages never."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from oauth.urls import is_protocol_path

GetResponse = Callable[[HttpRequest], HttpResponse]


class NoStoreMiddleware:
    """Keeps pages from being seen by “Back” after signing out, or by another user of the same machine. Protocol responses and static files set their own
    headers.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not is_protocol_path(request.path):
            response.headers.setdefault("Cache-Control", "no-store")
        return response
