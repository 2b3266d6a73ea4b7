"""Whose an audience is: one workspace's of the instance, that which was first to give it to a client, or to which the operator handed it over."""

from django.db import models

from clients.models.workspace import Workspace


class Audience(models.Model):
    """key: of all spellings of the URI, clients.audience.audience_key. uri: as it was registered first."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="audiences")
    key = models.CharField(max_length=2000, unique=True)
    uri = models.CharField(max_length=512)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["key"]

    def __str__(self) -> str:
        return self.uri
