"""Permissions beside Django's four: exporting a list is one of its own for every page."""

from typing import Any

from django.apps import AppConfig
from django.contrib import admin
from django.db import DEFAULT_DB_ALIAS


def export_permissions_ensure(
    app_config: AppConfig, using: str = DEFAULT_DB_ALIAS, apps: Any = None, **_kwargs: Any
) -> None:
    """Create the missing ``export_<model>`` of each page; called after every migration."""
    from django.apps import apps as present

    try:
        permission = (apps or present).get_model("auth", "Permission")
        content_type = (apps or present).get_model("contenttypes", "ContentType")
    except LookupError:
        return
    found = []
    for model in app_config.get_models():
        if not admin.site.is_registered(model):
            continue
        opts = model._meta
        kind, _created = content_type.objects.using(using).get_or_create(
            app_label=opts.app_label, model=opts.model_name
        )
        found.append(
            permission(
                content_type=kind,
                codename=f"export_{opts.model_name}",
                name=f"Can export {opts.verbose_name_raw}"[:255],
            )
        )
    permission.objects.using(using).bulk_create(found, ignore_conflicts=True)
