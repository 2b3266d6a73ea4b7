"""A program: the background work of a node whose clock is as its environment says, all of it, as if an hour had passed; then prune by hand."""

import django

if __name__ == "__main__":
    django.setup()

    from django.core.management import CommandError, call_command

    from dashboard.background import schedule
    from dashboard.models import ScheduledJob

    # Whoever's turn it is next, it is due.
    ScheduledJob.objects.update(next_run_at="2000-01-01T00:00:00Z")
    for name in dir(schedule):
        if name.endswith("_if_due"):
            schedule.attempt(getattr(schedule, name))
    try:
        call_command("prune")
    except CommandError as error:
        print(error)  # noqa: T201
