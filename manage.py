#!/usr/bin/env python
"""Runs Django's and TokenOS's commands; a wrong configuration or a lost database is one line and exit status 1."""

import os
import sys


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
    try:
        from django.core.exceptions import ImproperlyConfigured
        from django.core.management import execute_from_command_line
    except ModuleNotFoundError as error:
        if error.name != "django":
            raise
        print("This Python lacks what TokenOS needs. Run “make setup”, then “.venv/bin/python manage.py …”.", file=sys.stderr)
        return 1

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
