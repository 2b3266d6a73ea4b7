"""Clients that authenticate by private_key_jwt or bind their tokens by DPoP, for the bench: made in bulk, with their requests, each of which works once.

python -m tests.performance.assertions COUNT FILE

makes the clients in the database of the environment and writes the kid and their IDs. All share one key, which costs the server as much as separate keys.
"""

import json
import os
import sys
import time
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat, load_pem_private_key
from jwt.algorithms import ECAlgorithm

WORKSPACE = "demo"
FORM = "grant_type=client_credentials&client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer&client_assertion="


class Programs:
    """file: of create_programs."""

    def __init__(self, file: Path, issuer: str) -> None:
        self.kid, *self.client_ids = file.read_text().split()
        self.key = load_pem_private_key(file.with_suffix(".pem").read_bytes(), None)
        self.issuer = issuer

    def assertions(self, count: int) -> Iterator[str]:
        """Bodies of token requests, each with another client's assertion than the one before."""
        now = int(time.time())
        for client_id in islice(cycle(self.client_ids), count):
            claims = {"iss": client_id, "sub": client_id, "aud": self.issuer, "iat": now, "exp": now + 300, "jti": os.urandom(12).hex()}
            yield FORM + jwt.encode(claims, self.key, algorithm="ES256", headers={"kid": self.kid})  # type: ignore[arg-type]

    def proofs(self, headers: list[str], count: int) -> Iterator[str]:
        """Each of headers in turn, with a DPoP proof for the token endpoint."""
        assert isinstance(self.key, ec.EllipticCurvePrivateKey)
        jwk = {name: value for name, value in json.loads(ECAlgorithm.to_jwk(self.key.public_key())).items() if name != "key_ops"}
        now = int(time.time())
        for header in islice(cycle(headers), count):
            claims = {"htm": "POST", "htu": f"{self.issuer}/oauth2/token", "iat": now, "jti": os.urandom(12).hex()}
            yield f"{header}\tDPoP: {jwt.encode(claims, self.key, algorithm='ES256', headers={'typ': 'dpop+jwt', 'jwk': jwk})}"


def create_programs(count: int, file: Path) -> None:
    import django

    django.setup()

    from django.utils import timezone

    from clients.models import Workspace
    from clients.public_key import read_public_keys
    from clients.services.audit import Actor
    from clients.services.clients import create_client_with_credentials

    key = ec.generate_private_key(ec.SECP256R1())
    keys = read_public_keys(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode())
    workspace = Workspace.objects.get(slug=WORKSPACE)
    options = {"auth_methods": ["private_key_jwt"], "public_keys": keys, "actor": Actor("command:bench")}
    made = [create_client_with_credentials(workspace=workspace, name=f"program-{number}", now=timezone.now(), **options) for number in range(count)]
    file.write_text("\n".join([keys[0].kid, *(new.client.client_id for new in made)]))
    pem = file.with_suffix(".pem")
    pem.touch(mode=0o600)
    pem.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
    create_programs(int(sys.argv[1]), Path(sys.argv[2]))
