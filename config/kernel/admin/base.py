"""ModelAdmins of the house: read-only by default, reference data audited, scoped to the caller."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import get_fields_from_path
from django.contrib.admin.views.main import ChangeList
from django.contrib.admin.widgets import AutocompleteMixin
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import models
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, TabularInline

from config.kernel import clock
from config.kernel.actors import Actor
from config.kernel.admin.actions import Command, ServiceAction, ServiceActionMixin
from config.kernel.admin.bulk import Bulk, BulkMixin
from config.kernel.admin.codes import CodeFilter, sayer
from config.kernel.admin.columns import column, column_name
from config.kernel.admin.export import ExportMixin
from config.kernel.admin.filters import SavedFilterMixin
from config.kernel.admin.forms import yuan_field
from config.kernel.admin.mixed import MixedIntoAdmin
from config.kernel.admin.timeline import TimelineMixin
from config.kernel.reference import reference_archive, reference_record, reference_restore

EXACT_MOST = 500


class ScopedRelatedFilter(admin.RelatedFieldListFilter):
    """A filter over a link that offers only what this person may see at the other end."""

    def field_choices(self, field, request, model_admin):
        related = model_admin.admin_site._registry.get(field.related_model)
        if related is None:
            return super().field_choices(field, request, model_admin)
        return [(row.pk, str(row)) for row in related.get_queryset(request).order_by("pk")[:200]]


class _KeysOnly(MixedIntoAdmin):
    """Mixed into the autocomplete of a link: what was posted and refused may be no key at all,
    and Django would look it up to show it again."""

    def optgroups(self, name, value, attr=None):
        keys = [key for key in value if not key or str(key).isdecimal()]
        return super().optgroups(name, keys, attr)


def _shown_again(field: Any) -> Any:
    """``field`` of a form, with a widget that survives being refused."""
    if field is not None and isinstance(field.widget, AutocompleteMixin):
        plain = type(field.widget)
        field.widget.__class__ = type(plain.__name__, (_KeysOnly, plain), {})
    return field


class ScopedChoices(MixedIntoAdmin):
    """A form points only at what its user may see at the other end."""

    def formfield_for_foreignkey(self, db_field, request, **kwargs):
        related = self.admin_site._registry.get(db_field.related_model)
        if related is not None and "queryset" not in kwargs:
            kwargs["queryset"] = related.get_queryset(request)
        return _shown_again(super().formfield_for_foreignkey(db_field, request, **kwargs))

    def formfield_for_manytomany(self, db_field, request, **kwargs):
        return _shown_again(super().formfield_for_manytomany(db_field, request, **kwargs))


def _filter_in_words(model: type[models.Model], wanted: Any) -> Any:
    """``wanted`` of a list's filters, or the filter that says its codes in words."""
    if isinstance(wanted, str):
        field = get_fields_from_path(model, wanted)[-1]
        if isinstance(field, models.CharField) and sayer(field) is not None:
            return wanted, CodeFilter
    return wanted


class MallAdmin(
    ExportMixin,
    SavedFilterMixin,
    BulkMixin,
    ServiceActionMixin,
    TimelineMixin,
    ScopedChoices,
    ModelAdmin,
):
    """Columns for people, a fixed number of statements per page, nothing is ever deleted."""

    list_per_page = 50
    show_full_result_count = False
    list_filter_submit = True
    list_fullwidth = True
    compressed_fields = True
    # Fields left off every page: secrets and columns that are only there to be searched.
    hidden: tuple[str, ...] = ()
    list_display: Any = ("__str__",)
    list_filter: Any = ()
    search_fields: Any = ()
    fields: Any = None
    fieldsets: Any = None
    readonly_fields: Any = ()

    def __init__(self, model: type[models.Model], admin_site: admin.AdminSite) -> None:
        super().__init__(model, admin_site)
        self.list_display = [column(model, name) for name in self.list_display]
        self.list_filter = [_filter_in_words(model, wanted) for wanted in self.list_filter]
        exact = [f for f in self.search_fields if f.endswith("__exact")]
        self.search_fields = [f for f in self.search_fields if f not in exact]
        own = {f.name for f in model._meta.fields if f.unique} & set(self.search_fields)
        self.exact_paths = [*sorted(own), *(f.removesuffix("__exact") for f in exact)]

    def get_search_results(self, request, queryset, search_term):
        """A whole number or code is looked up by its index, however far away its column is;
        only what is found nowhere as a whole is searched for as a part of the row's own words.

        One OR over many joined tables would read them all.
        """
        pks = self._exactly(search_term.strip())
        if pks:
            return queryset.filter(pk__in=pks), False
        return super().get_search_results(request, queryset, search_term)

    def _exactly(self, term: str) -> list[int]:
        if not term or " " in term or not self.exact_paths:
            return []
        queries = []
        for path in self.exact_paths:
            field = get_fields_from_path(self.model, path)[-1]
            number = isinstance(field, models.IntegerField)
            if number and not (term.isdecimal() and len(term) < 19):
                continue
            values = [int(term)] if number else [term, term.upper()]
            rows = self.model._base_manager.filter(**{f"{path}__in": values})
            queries.append(rows.order_by().values_list("pk", flat=True))
        if not queries:
            return []
        return list(queries[0].union(*queries[1:])[:EXACT_MOST])

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        try:
            return super().get_changelist_instance(request)
        except OverflowError as error:
            # A year that no calendar has; Django answers the other wrong dates so itself.
            raise IncorrectLookupParameters(error) from error

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions


def _read_only_names(model: type[models.Model], hidden: tuple[str, ...]) -> list[str]:
    return [
        f.name
        for f in model._meta.concrete_fields
        if not f.primary_key and f.name not in hidden and getattr(f, "editable", True)
    ]


class ReadOnlyAdmin(MallAdmin):
    """Looks, never writes: ledger, events, payments, notifications, and whatever has a state."""

    def __init__(self, model: type[models.Model], admin_site: admin.AdminSite) -> None:
        super().__init__(model, admin_site)
        names = self.fields or _read_only_names(model, self.hidden)
        # The same objects in both lists: Django matches callables by identity.
        self.readonly_fields = [column(model, n, form=True) for n in names]
        documents = {f.name for f in model._meta.fields if isinstance(f, models.JSONField)}
        short = [c for c in self.readonly_fields if column_name(c) not in documents]
        long = [c for c in self.readonly_fields if column_name(c) in documents]
        self.fieldsets = [(None, {"fields": short})]
        if long:
            self.fieldsets.append((_("details"), {"fields": long, "classes": ["collapse"]}))
        self.fields = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        opts = self.opts
        return any(
            request.user.has_perm(f"{opts.app_label}.{verb}_{opts.model_name}")
            for verb in ("view", "change")
        )


class ReadOnlyInline(TabularInline):
    """Rows that belong to the page's row, for whoever may see that."""

    extra = 0
    max_num = 0
    can_delete = False
    show_change_link = False
    hide_title = True
    fields: Any = None
    readonly_fields: Any = ()

    def __init__(self, parent_model: type[models.Model], admin_site: admin.AdminSite) -> None:
        super().__init__(parent_model, admin_site)
        self.parent_admin_model = parent_model
        names = self.fields or _read_only_names(self.model, ())
        self.fields = self.readonly_fields = [column(self.model, n, form=True) for n in names]

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        opts = self.parent_admin_model._meta
        return any(
            request.user.has_perm(f"{opts.app_label}.{verb}_{opts.model_name}")
            for verb in ("view", "change")
        )

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def _plain(value: Any) -> Any:
    if isinstance(value, models.Model):
        return value.pk
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    return value


def changes_of(form: Any) -> dict[str, Any]:
    """What ``form`` changed, as :class:`ReferenceChanged` tells it."""
    changes: dict[str, Any] = {}
    for name in form.changed_data:
        try:
            field = form._meta.model._meta.get_field(name)
        except FieldDoesNotExist:
            field = None
        free_text = field is None or (
            isinstance(field, (models.CharField, models.TextField, models.JSONField))
            and not field.choices
        )
        if free_text or field.many_to_many:
            changes[name] = True
            continue
        before, after = form.initial.get(name), form.cleaned_data.get(name)
        if isinstance(before, datetime) or isinstance(after, datetime) or not _countable(after):
            changes[name] = [str(_plain(before)), str(_plain(after))]
        else:
            changes[name] = [_plain(before), _plain(after)]
    return changes


def _countable(value: Any) -> bool:
    return value is None or isinstance(value, (bool, int, str, models.Model))


def _archive(command: Command) -> None:
    reference_archive(row=command.row, reason=command.reason, actor=command.actor, now=command.now)


def _restore(command: Command) -> None:
    reference_restore(row=command.row, reason=command.reason, actor=command.actor, now=command.now)


ARCHIVE = ServiceAction(
    "archive",
    _("Take out of use"),
    _archive,
    allowed=lambda row: row.archived_at is None,
    explanation=_("Nothing new will use it; what refers to it stays as it is."),
    danger=True,
)
RESTORE = ServiceAction(
    "restore", _("Put into use again"), _restore, allowed=lambda row: row.archived_at is not None
)


class AuditedAdmin(MallAdmin):
    """Reference data: written here, and every write leaves an event with who, what and when.

    Database constraints are checked as part of the form, also those over fields that the form
    does not show, so a breach is an error message and not a server error.
    """

    # A model whose leaving has consequences names commands with a service of its own.
    archive_actions: Sequence[ServiceAction] = (ARCHIVE, RESTORE)

    def __init__(self, model: type[models.Model], admin_site: admin.AdminSite) -> None:
        super().__init__(model, admin_site)
        if any(f.name == "archived_at" for f in model._meta.fields):
            self.readonly_fields = [*self.readonly_fields, "archived_at"]
            self.service_actions = [*self.service_actions, *self.archive_actions]
            self.bulk_actions = [*self.bulk_actions, *(Bulk(a.name) for a in self.archive_actions)]

    def get_form(self, request, obj=None, change=False, **kwargs):
        form = super().get_form(request, obj, change=change, **kwargs)
        return type(form.__name__, (_ConstrainedForm, form), {})

    def formfield_for_dbfield(self, db_field, request, **kwargs):
        if db_field.name.endswith("_fen") and isinstance(db_field, models.IntegerField):
            return yuan_field(db_field)
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def save_model(self, request, obj, form, change) -> None:
        super().save_model(request, obj, form, change)
        self._record(request, obj, "changed" if change else "added", changes_of(form))

    def save_formset(self, request, form, formset, change) -> None:
        super().save_formset(request, form, formset, change)
        by_pk = {f.instance.pk: f for f in formset.forms if f.has_changed()}
        for obj in formset.new_objects:
            self._record(request, obj, "added", changes_of(by_pk[obj.pk]))
        for obj, _names in formset.changed_objects:
            self._record(request, obj, "changed", changes_of(by_pk[obj.pk]))

    def _record(self, request, obj, change: str, changes: dict[str, Any]) -> None:
        if change == "changed" and not changes:
            return
        reference_record(
            row=obj,
            change=change,
            changes=changes,
            actor=Actor.user(request.user),
            now=clock.now(),
        )


class _ConstrainedForm(MixedIntoAdmin):
    """Mixed into the admin's form: constraints count even where a field is not shown."""

    def _post_clean(self) -> None:
        super()._post_clean()
        if self.errors:
            return
        try:
            self.instance.validate_constraints()
        except ValidationError as error:
            self.add_error(None, error.messages)


class AuditedInline(ScopedChoices, TabularInline):
    """Rows of reference data that are edited with their parent; the parent's admin audits."""

    extra = 0
    can_delete = False
    hide_title = True

    def formfield_for_dbfield(self, db_field, request, **kwargs):
        if db_field.name.endswith("_fen") and isinstance(db_field, models.IntegerField):
            return yuan_field(db_field)
        return super().formfield_for_dbfield(db_field, request, **kwargs)
