"""The response to people who have to wait."""

from dataclasses import dataclass

from django.http import HttpResponse


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request wasn't processed. seconds: when to try again."""

    status: int
    seconds: int
    text: str

    def apply_to(self, response: HttpResponse) -> HttpResponse:
        response.status_code = self.status
        response["Retry-After"] = str(self.seconds)
        if self.status >= 500:
            # Django would log each refusal as a server error, and a flood would fill the disk.
            response._has_been_logged = True  # type: ignore[attr-defined]  # django.utils.log.log_response asks for it
        return response


def too_many(seconds: int, what: str = "Too many attempts") -> Refusal:
    wait = f"{seconds} s" if seconds < 100 else f"{-(-seconds // 60)} min"
    return Refusal(429, seconds, f"{what}. Wait {wait} and try again.")
