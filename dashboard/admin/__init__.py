"""Django admin: the instance's tables to look at, and the few changes an operator needs at once, each through its service."""
