"""A real MCP server with one tool over TLS, protected by our tokens as in the documentation. It records its requests, one JSON object per line.

Run as python -m tests.servers.mcp_server, with PORT, ISSUER, CERTIFICATE, CA and REQUESTS in the environment.
"""

import asyncio
import json
import os
import ssl
from typing import Any

import jwt
import uvicorn
from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings
from mcp.server.mcpserver import MCPServer

ISSUER, PORT = os.environ["ISSUER"], int(os.environ["PORT"])
RESOURCE = f"https://localhost:{PORT}/mcp"


class Verifier:
    """docs/tokens.md, Verification in your API."""

    def __init__(self) -> None:
        self.keys = jwt.PyJWKClient(f"{ISSUER}/.well-known/jwks.json", ssl_context=ssl.create_default_context(cafile=os.environ["CA"]))

    async def verify_token(self, token: str) -> AccessToken | None:
        try:
            claims = await asyncio.to_thread(self._verify, token)
        except jwt.InvalidTokenError:
            return None
        return AccessToken(token=token, client_id=claims["client_id"], scopes=claims["scope"].split(), expires_at=claims["exp"], resource=RESOURCE)

    def _verify(self, token: str) -> dict[str, Any]:
        if jwt.get_unverified_header(token)["typ"] != "at+jwt":
            raise jwt.InvalidTokenError
        key = self.keys.get_signing_key_from_jwt(token).key
        claims: dict[str, Any] = jwt.decode(token, key, algorithms=["ES256"], audience=RESOURCE, issuer=ISSUER)
        if "cnf" in claims:
            raise jwt.InvalidTokenError
        return claims


def main() -> None:
    settings = AuthSettings(issuer_url=ISSUER, resource_server_url=RESOURCE, required_scopes=["read"], validate_token_resource=True)
    mcp = MCPServer("orders", token_verifier=Verifier(), auth=settings)

    @mcp.tool()
    def add(a: int, b: int) -> int:
        """The sum."""
        return a + b

    guarded = mcp.streamable_http_app()

    async def writing_down(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
            asked = {"method": scope["method"], "path": scope["path"], "query": scope["query_string"].decode(), "headers": headers}
            with open(os.environ["REQUESTS"], "a", encoding="utf-8") as file:  # noqa: ASYNC230, PTH123  # a line in a test
                file.write(json.dumps(asked) + "\n")
        await guarded(scope, receive, send)

    uvicorn.run(writing_down, host="127.0.0.1", port=PORT, ssl_certfile=os.environ["CERTIFICATE"], log_level="warning")


if __name__ == "__main__":
    main()
