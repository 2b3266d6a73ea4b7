"""The owner of an audience: the workspace that first gave it to a client, or that the operator handed it over to."""

from django.db import models

from clients.models.workspace import Workspace


class Audience(models.Model):
    """key: from clients.audience.audience_key, the same for all spellings of the URI. uri: as it was first registered."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="audiences")
    key = models.CharField(max_length=2000, unique=True)
    uri = models.CharField(max_length=512)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["key"]

    def __str__(self) -> str:
        return self.uri
