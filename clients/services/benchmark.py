"""Makes clients in bulk, for measuring: any number in one transaction, but only the last few have a known secret."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from secrets import token_bytes, token_hex
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.color import no_style
from django.db import connection, models, transaction
from django.db.models import Max

from clients.key_encryption import newest_key
from clients.models import Client, ClientActivity, ClientSecret, Workspace
from clients.secret import ALPHABET, CLIENT_ID_LENGTH, SECRET_ID_LENGTH, ParsedSecret, digest_secret, generate, generate_client_id, hash_secret
from clients.services import audit
from clients.services.audit import Actor
from clients.services.client_fields import build_client

MAX_CLIENTS = 10_000_000

_BATCH = 10_000
# Not quite random, which is harmless for unusable secrets, and 20 times as fast as clients.secret.random_text.
_TO_ALPHABET = bytes(ALPHABET[byte % len(ALPHABET)].encode()[0] for byte in range(256))

Credentials = Sequence[tuple[str, str]]


def seed_clients(*, workspace: Workspace, clients: int, known: int, deliver: Callable[[Credentials], None], actor: Actor, now: datetime) -> None:
    """Make clients with one secret each, all or none. known: how many of the last ones are really usable.

    deliver: gets their client IDs and plaintexts before the commit, and may raise.
    """
    if not 0 <= known <= clients <= MAX_CLIENTS:
        raise ValidationError(
            f"There can't be {known:,} known secrets among {clients:,} clients. Use 0 to {MAX_CLIENTS:,} clients, and no more known secrets than clients."
        )
    client = build_client(workspace=workspace, name="Benchmark", scopes=("read", "write"), actor=actor, now=now)
    plaintexts = [generate(client.environment) for _ in range(known)]
    unusable = hash_secret(generate(client.environment).plaintext)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        hashes = list(pool.map(lambda plaintext: hash_secret(plaintext.plaintext), plaintexts))
    client_ids = [generate_client_id() for _ in plaintexts]
    with transaction.atomic(), large_cache():
        first_client, first_secret = _next_key(Client), _next_key(ClientSecret)
        names = _client_ids(clients - known, client_ids)
        fill(client, ({"id": first_client + number, "client_id": name, "name": f"Benchmark {number + 1}"} for number, name in enumerate(names)))
        values = _secrets(clients - known, unusable, zip(plaintexts, hashes, strict=True))
        secret = ClientSecret(client_id=first_client, created_at=now, created_by=client.created_by)
        fill(secret, ({"id": first_secret + number, "client_id": first_client + number, **value} for number, value in enumerate(values)))
        fill(ClientActivity(client_id=first_client, workspace=workspace), ({"client_id": first_client + number} for number in range(clients)))
        _continue_sequences()
        audit.record(
            "clients.seeded",
            workspace=workspace,
            actor=actor,
            target_type="workspace",
            target_id=workspace.slug,
            now=now,
            after={"clients": clients, "known": known},
        )
        deliver([(client_id, plaintext.plaintext) for client_id, plaintext in zip(client_ids, plaintexts, strict=True)])


def _client_ids(unknown: int, known: Sequence[str]) -> Iterator[str]:
    for _ in range(unknown):
        yield _random_text(CLIENT_ID_LENGTH)
    yield from known


def _secrets(unknown: int, unusable: str, known: Iterator[tuple[ParsedSecret, str]]) -> Iterator[dict[str, Any]]:
    key_id = newest_key().id
    for _ in range(unknown):
        yield {"secret_id": _random_text(SECRET_ID_LENGTH), "hash": unusable, "digest": f"{key_id}:{token_hex(32)}"}
    for plaintext, hashed in known:
        yield {"secret_id": plaintext.secret_id, "hash": hashed, "digest": digest_secret(plaintext.plaintext)}


def _random_text(length: int) -> str:
    return token_bytes(length).translate(_TO_ALPHABET).decode()


def _next_key(model: type[models.Model]) -> int:
    return (model._default_manager.aggregate(last=Max("pk"))["last"] or 0) + 1


def fill(template: models.Model, differences: Iterator[dict[str, Any]], *, has_keys: bool = True) -> None:
    """Insert one row for each of differences, which contain the columns that differ from template. This takes a tenth of the time of bulk_create.

    has_keys: whether differences contain the primary keys; otherwise the database makes them.
    """
    fields = template._meta.concrete_fields
    row: dict[str, Any] = {str(field.column): field.get_db_prep_save(getattr(template, field.attname), connection) for field in fields}
    if not has_keys:
        del row["id"]
    quote = connection.ops.quote_name
    sql = f"INSERT INTO {quote(template._meta.db_table)} ({', '.join(map(quote, row))}) VALUES ({', '.join(['%s'] * len(row))})"  # noqa: S608  # only names of our own are put in
    rows = (tuple({**row, **difference}.values()) for difference in differences)
    with connection.cursor() as cursor:
        while batch := list(islice(rows, _BATCH)):
            cursor.executemany(sql, batch)


def _continue_sequences() -> None:
    with connection.cursor() as cursor:
        for sql in connection.ops.sequence_reset_sql(no_style(), [Client, ClientSecret]):
            cursor.execute(sql)


@contextmanager
def large_cache() -> Iterator[None]:
    """With SQLite's default cache of 2 MB, an index in random order would constantly be read back from the file."""
    if connection.vendor != "sqlite":
        yield
        return
    with connection.cursor() as cursor:
        before = cursor.execute("PRAGMA cache_size").fetchone()[0]
        cursor.execute("PRAGMA cache_size = -400000")
        try:
            yield
        finally:
            cursor.execute(f"PRAGMA cache_size = {before}")
