"""The base of all admin pages: they are read-only, and they stay quick with millions of rows.

Services do all writes, so even superusers have no add, change or delete page. A large table is never counted or sorted as a whole: lists are newest first by
primary key, counts stop at a limit, and a search first looks for an exact identifier by its index.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cached_property, partial
from typing import Any, ClassVar, cast

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.core.validators import validate_ipv46_address
from django.db.models import GenericIPAddressField, Model, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from clients.models import Workspace

MATCHES_LIMIT = 1_000

# The look-ups that these pages' filters and links use. Others could be arbitrarily expensive: SQLite runs a regular expression in Python.
_LOOKUPS = frozenset({"exact", "gte", "lt", "isnull"})
_OF_CLIENT = "after__client_id"


class BoundedPaginator(Paginator):  # type: ignore[type-arg]  # it takes no argument when it runs
    """Counts up to LIMIT plus one, which the template shows as "more than"."""

    LIMIT = 10_000

    @cached_property
    def count(self) -> int:
        return cast("QuerySet[Any]", self.object_list).order_by().values("pk")[: self.LIMIT + 1].count()


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # it takes no argument when it runs
    """find_by: exact look-ups that use an index; search_fields are scanned only if these find nothing.

    secret_fields: never shown or filtered by, because filters would reveal them letter by letter. audit_target: the target_type and the name of a row in
    target_id, for the audit events about it. offers: whether an action, given by its name, would change a row; then the row's page has a button for it.
    """

    find_by: ClassVar[tuple[str, ...]] = ()
    secret_fields: ClassVar[tuple[str, ...]] = ()
    audit_target: ClassVar[tuple[str, Callable[[Any], str]] | None] = None
    offers: Callable[[str, Any], bool]

    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    ordering = ("-pk",)
    sortable_by = ()

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002  # nobody
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002  # nobody
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002  # nobody
        return False

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002  # the same for every row
        return self.admin_site.has_permission(request)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.admin_site.has_permission(request)

    def get_exclude(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:  # noqa: ARG002  # the same for every row
        return self.secret_fields

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        field, *rest = lookup.split("__")
        if field in self.secret_fields or not (_LOOKUPS.issuperset(rest) or lookup == _OF_CLIENT):
            return False
        if value and rest != ["isnull"] and isinstance(self._find_field(field), GenericIPAddressField):
            # PostgreSQL compares with nothing else.
            try:
                validate_ipv46_address(value)
            except ValidationError:
                return False
        # PostgreSQL doesn't accept NUL characters.
        return "\0" not in value and super().lookup_allowed(lookup, value, request)  # type: ignore[arg-type]  # the stubs don't know None

    def _find_field(self, name: str) -> Any:
        return next((field for field in self.model._meta.fields if field.name == name), None)

    def exact_matches(self, term: str) -> list[Q]:
        return [Q(**{lookup: term}) for lookup in self.find_by]

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> tuple[QuerySet[Any], bool]:
        """The rows are searched once, here, so that counting and listing them don't read the whole table again."""
        term = search_term.strip()
        if not term:
            return queryset, False
        found: set[Any] = set()
        for match in self.exact_matches(term):
            found.update(_newest(self.model._default_manager.filter(match)))
        return queryset.filter(pk__in=found or _newest(super().get_search_results(request, queryset, term)[0])), False

    def narrow_history(self, row: Any) -> dict[str, str]:  # noqa: ARG002  # most names are unique
        """Further filters for the audit events about a row if its name alone isn't unique."""
        return {}

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *positional: Any, **named: Any) -> HttpResponse:
        row = named["obj"]
        context["buttons"] = [(name, description) for name, description in self.get_action_choices(request, []) if self.offers(name, row)]
        context["has_history"] = self.audit_target is not None
        return super().render_change_form(request, context, *positional, **named)

    def history_view(self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None) -> HttpResponse:  # noqa: ARG002  # Django's signature
        """Leads to the audit log, which has the whole history. Nothing here writes Django's own log."""
        row = self.get_object(request, object_id)
        if row is None or self.audit_target is None or not self.has_view_permission(request, row):
            raise Http404
        target_type, name = self.audit_target
        query = urlencode({"target_type": target_type, "target_id": name(row), **self.narrow_history(row)})
        return HttpResponseRedirect(f"{reverse('admin:clients_auditevent_changelist', current_app=self.admin_site.name)}?{query}")


def _newest(queryset: QuerySet[Any]) -> list[Any]:
    # The rows are distinct, because a search through a client's keys finds the client once for each key.
    return list(queryset.order_by("-pk").values_list("pk", flat=True).distinct()[:MATCHES_LIMIT])


class WorkspaceFilter(admin.SimpleListFilter):
    """A filter that lists only the first workspaces. The table needs its own workspace column: through the client, millions of rows would have to be sorted."""

    title = parameter_name = "workspace"
    MAX = 100

    def lookups(self, request: HttpRequest, model_admin: "admin.ModelAdmin[Any]") -> list[tuple[str, str]]:  # noqa: ARG002  # Django's signature
        return [(slug, slug) for slug in Workspace.objects.values_list("slug", flat=True)[: self.MAX]]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:  # noqa: ARG002  # Django's signature
        return queryset.filter(workspace__slug=self.value()) if self.value() else queryset


def filter_by(parameter: str, choices: Mapping[str, Callable[[Any, datetime], QuerySet[Any]]]) -> type[admin.SimpleListFilter]:
    """A filter whose choices, by name, each narrow a queryset."""

    class ChoiceFilter(admin.SimpleListFilter):
        title = parameter.replace("_", " ")
        parameter_name = parameter

        def lookups(self, request: HttpRequest, model_admin: "admin.ModelAdmin[Any]") -> list[tuple[str, str]]:  # noqa: ARG002  # Django's signature
            return [(name, name) for name in choices]

        def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:  # noqa: ARG002  # Django's signature
            choice = choices.get(self.value() or "")
            return choice(queryset, timezone.now()) if choice else queryset

    return ChoiceFilter


def choose(field: str, *values: str) -> type[admin.SimpleListFilter]:
    """A filter by the possible values of a column without declared choices. Reading them from the table would scan all of it."""

    def is_value(queryset: QuerySet[Any], now: datetime, *, value: str) -> QuerySet[Any]:  # noqa: ARG001  # the same at every moment
        return queryset.filter(**{field: value})

    return filter_by(field, {value: partial(is_value, value=value) for value in values})
