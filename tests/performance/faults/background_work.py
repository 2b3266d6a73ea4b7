"""A program that does all background work of a node with the clock of its environment, as if an hour had passed, and then runs prune."""

import django

if __name__ == "__main__":
    django.setup()

    from django.core.management import CommandError, call_command

    from dashboard.background import schedule
    from dashboard.models import ScheduledJob

    # Every job is due.
    ScheduledJob.objects.update(next_run_at="2000-01-01T00:00:00Z")
    for name in dir(schedule):
        if name.endswith("_if_due"):
            schedule.attempt(getattr(schedule, name))
    try:
        call_command("prune")
    except CommandError as error:
        print(error)  # noqa: T201
