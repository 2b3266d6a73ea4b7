"""What becomes of a request, as UsageBucket.outcome has it: granted, or a reason; and whose turn it is after that."""

GRANTED = "granted"

# Reasons that are ours: nobody but who runs the instance can do anything about them. All others are refusals.
FAILED_HERE = frozenset({"database_unavailable", "hashing_busy", "jwks_uri_busy", "key_encryption_key_missing", "no_signing_key", "overdue", "server_error"})
