"""Mail to people: text and HTML of the same words. Never a secret, and never a link that signs in.

A template templates/mail/<name>.txt holds the subject in its first line and, after an empty one, the text; templates/mail/<name>.html the same for eyes.
"""

import logging
from collections.abc import Mapping, Sequence
from smtplib import SMTPException
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

logger = logging.getLogger("tokenos.mail")


def send(name: str, to: Sequence[str], context: Mapping[str, Any]) -> bool:
    """Whether the server took it. What can't be sent is logged: an act isn't undone because its mail failed. Not to be called within a transaction."""
    values = {"issuer": settings.ISSUER_URL, **context}
    subject, _, text = render_to_string(f"mail/{name}.txt", values).strip().partition("\n")
    message = EmailMultiAlternatives(" ".join(subject.split()), f"{text.strip()}\n", to=list(to))
    message.attach_alternative(render_to_string(f"mail/{name}.html", {**values, "subject": subject}), "text/html")
    try:
        message.send()
    except (OSError, SMTPException) as error:
        logger.error("mail not sent: %s", type(error).__name__, extra={"template": name})  # noqa: TRY400  # a traceback would show the addresses
        return False
    return True
