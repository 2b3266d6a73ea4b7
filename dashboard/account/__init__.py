"""A user's own account: signing in, proving who they are, factors, sessions."""
