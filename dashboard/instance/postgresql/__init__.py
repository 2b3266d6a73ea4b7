"""Django's PostgreSQL backend with a limit for each wait: the ENGINE in DATABASES."""
