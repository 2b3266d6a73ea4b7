"""What a caller of a protected resource presents."""

from tests.oauth.doors import bearer

KINDS = ["token", "basic", "bearer key", "header key"]


def credentials(kind, program, token):
    match kind:
        case "token":
            return {"Authorization": bearer(token)}
        case "basic":
            return {"Authorization": program.basic}
        case "bearer key":
            return {"Authorization": bearer(program.secret)}
        case "header key":
            return {"X-API-Key": program.secret}
