"""The outcome of a request, as in UsageBucket.outcome: granted, or a reason. It also tells who has to act."""

GRANTED = "granted"

# The server's own failures: only the operator can do something about them. All others are refusals.
FAILED_HERE = frozenset({"database_unavailable", "hashing_busy", "jwks_uri_busy", "key_encryption_key_missing", "no_signing_key", "overdue", "server_error"})
