"""Django's PostgreSQL, with an end to each wait: DATABASES' ENGINE."""
