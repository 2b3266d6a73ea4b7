"""Makes, rotates and revokes secrets of one client endlessly, by commands, and prints one JSON line for each acknowledged change.

Run as “python -m tests.servers.churn CLIENT_ID” with a server's environment, and kill it while it works.
"""

import io
import json
import os
import sys
from itertools import count

import django
from django.core.management import call_command


def command(name: str, *arguments: str) -> dict[str, str]:
    printed = io.StringIO()
    call_command(name, *arguments, "--json", stdout=printed)
    return dict(json.loads(printed.getvalue()))


def main(client_id: str) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "dashboard.settings"
    django.setup()
    usable: list[str] = []
    for number in count():
        if number % 3 == 2:
            result = command("revoke_secret", client_id, usable.pop(0))
        else:
            result = command("create_secret", client_id) if number % 9 else command("rotate_secret", client_id, "--overlap", "1h")
            usable.append(result["secret_id"])
        sys.stdout.write(json.dumps(result) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])
