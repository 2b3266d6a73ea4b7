"""The audit log: every change, with the person or program that made it and their address."""

from django.db import models

from clients.models.workspace import Workspace


class AuditEvent(models.Model):
    """One change, written in the transaction that made it and never changed afterwards.

    workspace: None for changes of the whole instance, such as signing keys, and after the workspace is removed. workspace_slug: the removed workspace's slug,
    otherwise "". actor: text such as "user:7 ada@example.com", "client:<client_id>", "command:<system user>" or "system". before, after: the changed fields,
    without secrets.
    """

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, null=True, blank=True, related_name="audit_events")
    workspace_slug = models.CharField(max_length=63, blank=True)
    event = models.CharField(max_length=64)
    actor = models.CharField(max_length=254)
    address = models.GenericIPAddressField(null=True, blank=True)
    request_id = models.CharField(max_length=128, blank=True)
    target_type = models.CharField(max_length=32)
    target_id = models.CharField(max_length=254)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["workspace", "-created_at"], name="audit_by_workspace"),
            # Pages are always ordered by id, newest first.
            models.Index(fields=["workspace", "id"], name="audit_by_workspace_and_id"),
            models.Index(fields=["workspace", "event", "id"], name="audit_by_event"),
            models.Index(fields=["workspace", "address", "id"], name="audit_by_address"),
            # The operator class lets PostgreSQL use this index for “begins with”: a person's address may change, but not the text before it.
            models.Index(fields=["workspace", "actor", "id"], name="audit_by_actor", opclasses=["int8_ops", "varchar_pattern_ops", "int8_ops"]),
            models.Index(fields=["target_type", "target_id"], name="audit_by_target"),
            models.Index(fields=["request_id"], name="audit_by_request_id"),
            models.Index(fields=["created_at"], name="audit_by_age"),
            models.Index(fields=["workspace_slug"], name="audit_by_removed_workspace", condition=~models.Q(workspace_slug="")),
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.target_id}"
