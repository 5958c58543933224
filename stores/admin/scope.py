"""What of a list its reader may see, change and take away: where their permission for it holds."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest

from config.kernel.admin.export import PHONES
from config.kernel.admin.mixed import MixedIntoAdmin
from stores.models import Operator, Store
from stores.reach import Place, Reach, place_rows, reaches, staff_holds, staff_reach


class StaffScoped(MixedIntoAdmin):
    """Mixed into a ModelAdmin: ``store_paths`` and ``operator_paths`` lead to what a row belongs
    to; a permission holds for it where an assignment that grants it reaches (``stores.reach``).
    Without either, rows are headquarters' alone."""

    store_paths: tuple[str, ...] = ()
    operator_paths: tuple[str, ...] = ()

    def __init__(self, model, admin_site) -> None:
        self.place = Place(self.store_paths, self.operator_paths)
        place_rows(model, self.place)
        super().__init__(model, admin_site)

    def reach(self, request: HttpRequest, *verbs: str) -> Reach:
        """Where the request's user holds one of ``verbs`` over this model."""
        return staff_reach(request.user, *self._permissions(*verbs))

    def within(self, request: HttpRequest, queryset: QuerySet[Any], *verbs: str) -> QuerySet[Any]:
        """Those rows of ``queryset`` for which one of ``verbs`` holds."""
        reach = self.reach(request, *verbs)
        return queryset if reach.everything else queryset.filter(reach.rows(self.place))

    def get_queryset(self, request: HttpRequest):
        queryset = super().get_queryset(request)
        return self.within(request, queryset, "view", "change")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        somewhere = super().has_view_permission(request, obj)
        return somewhere and self._holds(request, obj, "view", "change")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        somewhere = super().has_change_permission(request, obj)
        return somewhere and self._holds(request, obj, "change")

    def formfield_for_foreignkey(self, db_field, request, **kwargs):
        """A row is put only where it may be written."""
        if db_field.name in self.store_paths:
            stores = self.reach(request, "add", "change").stores()
            kwargs["queryset"] = Store.objects.filter(stores)
        elif db_field.name in self.operator_paths:
            operators = self.reach(request, "add", "change").operators()
            kwargs["queryset"] = Operator.objects.filter(operators)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def save_model(self, request, obj, form, change) -> None:
        super().save_model(request, obj, form, change)
        self._stays_within(request, obj, "change" if change else "add")

    def save_formset(self, request, form, formset, change) -> None:
        super().save_formset(request, form, formset, change)
        for obj in formset.new_objects:
            self._stays_within(request, obj, "add")
        for obj, _names in formset.changed_objects:
            self._stays_within(request, obj, "change")

    def shows_phones(self, request: HttpRequest) -> bool:
        return staff_reach(request.user, PHONES).contains(self.reach(request, "export"))

    def _stays_within(self, request: HttpRequest, obj: Any, verb: str) -> None:
        """Raise PermissionDenied, which undoes the whole page, when ``obj`` was written where its
        writer may not: whatever the form let through."""
        opts = obj._meta
        reach = staff_reach(request.user, f"{opts.app_label}.{verb}_{opts.model_name}")
        if not reach.everything and not reaches(reach, obj):
            raise PermissionDenied

    def _holds(self, request: HttpRequest, obj: Any, *verbs: str) -> bool:
        if obj is None or obj.pk is None:
            return True
        return staff_holds(request.user, *self._permissions(*verbs), row=obj)

    def _permissions(self, *verbs: str) -> list[str]:
        opts = self.model._meta
        return [f"{opts.app_label}.{verb}_{opts.model_name}" for verb in verbs]
