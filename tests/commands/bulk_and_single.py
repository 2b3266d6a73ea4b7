"""Seeds clients before and after one is created by itself, and rotates a secret of either kind, on a database where ids come from a sequence."""

import json
import sys
import tempfile
from io import StringIO
from pathlib import Path

from django.core.management import call_command


def run(*arguments):
    printed = StringIO()
    call_command(*arguments, "--json", stdout=printed)
    return json.loads(printed.getvalue())


def seed(name):
    credentials = Path(FOLDER, name)
    seeded = run("seed_benchmark", "--workspace", "demo", "--clients", "20", "--known", "1", "--credentials", str(credentials))
    return seeded["clients"], credentials.read_text().split("\t")[0]


with tempfile.TemporaryDirectory() as FOLDER:
    run("create_workspace", "demo")
    first, _ = seed("first.tsv")
    single = run("create_client", "--workspace", "demo", "--name", "single")
    second, known = seed("second.tsv")
    found = {
        "seeded": [first, second],
        "known": known,
        "rotated_of_the_seeded": run("rotate_secret", known)["client_id"],
        "secret_of_the_single": single["secret_id"],
        "previous_of_the_single": [old["secret_id"] for old in run("rotate_secret", single["client_id"])["previous"]],
    }
sys.stdout.write(json.dumps(found))
