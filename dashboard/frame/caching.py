"""What a browser may keep. Static files, by WhiteNoise: for a year, under names that change with their content. Pages: never."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from oauth.urls import is_protocol_path

GetResponse = Callable[[HttpRequest], HttpResponse]


class NoStoreMiddleware:
    """Neither “Back” after a sign-out nor another account of the same machine shows a page. The protocol's answers and static files say it by themselves."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not is_protocol_path(request.path):
            response.headers.setdefault("Cache-Control", "no-store")
        return response
