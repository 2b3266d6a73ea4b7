"""Django admin: views of the instance's tables, and the few changes that an operator needs quickly, each through its service."""
