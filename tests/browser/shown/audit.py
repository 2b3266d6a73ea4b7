"""The audit log, and health."""

from tests.browser.shown import Shown

PAGES = [
    Shown("audit", "/w/kestrel/audit/?period=all", "Audit log", picture="audit-log"),
    Shown("audit", "/w/kestrel/audit/", "Audit log", "ben", picture="audit-log-viewer"),
    Shown("audit", "/w/kestrel/audit/?q=nothing-like-it", "Audit log", picture="audit-log-empty"),
    Shown("audit", "/w/kestrel/audit/?period=dates&since=2026-02-31", "Error: Audit log"),
    Shown("audit_event", "/w/kestrel/audit/{event}/", "", picture="audit-event"),
    Shown("health", "/w/kestrel/health/", "Health", picture="health"),
    Shown("health", "/w/kestrel/health/", "Health", "ben", picture="health-viewer"),
]
# Routes that have no page of their own.
WITHOUT_PAGE = {"audit_csv", "audit_json"}
