"""A user's own account: sign-in, proofs of identity, factors and sessions."""
