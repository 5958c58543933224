"""Roles as Django's permissions."""

from django.contrib.auth.backends import BaseBackend

from stores.permissions import granted_by
from stores.reach import assigned_roles, staff_holds


class RoleBackend(BaseBackend):
    """Turns a staff member's assignments into permissions, so that pages ask one question whether
    somebody is a superuser, in a group or assigned.

    ``has_perm(permission)``: somewhere. ``has_perm(permission, row)``: for this row, where it
    belongs, whoever granted it. Assignments are read once per request.
    """

    def get_all_permissions(self, user_obj, obj=None) -> set[str]:
        if not user_obj.is_active or not user_obj.is_staff:
            return set()
        granted: set[str] = set().union(*(granted_by(*row) for row in assigned_roles(user_obj)))
        if obj is None:
            return granted
        return {one for one in granted if staff_holds(user_obj, one, row=obj)}

    def has_perm(self, user_obj, perm, obj=None) -> bool:
        if obj is None:
            return perm in self.get_all_permissions(user_obj)
        return user_obj.has_perm(perm) and staff_holds(user_obj, perm, row=obj)

    def has_module_perms(self, user_obj, app_label: str) -> bool:
        prefix = f"{app_label}."
        return any(perm.startswith(prefix) for perm in self.get_all_permissions(user_obj))
