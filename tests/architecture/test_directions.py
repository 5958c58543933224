"""Foreign keys and migrations point down, as imports do (those are import-linter's)."""

from collections.abc import Iterable

from django.apps import apps
from django.db import models
from django.db.migrations.loader import MigrationLoader

# Low to high. What Django and its packages bring lies below all of ours.
LEVELS = {"kernel": 0, "stores": 1, "members": 2, "coupons": 3, "mall": 4, "guides": 5}


def upward(references: Iterable[tuple[str, str, str]]) -> list[str]:
    """Of (name, app of the one that refers, app referred to), those that point up."""
    return [
        f"{name}: {source} → {target}"
        for name, source, target in references
        if LEVELS.get(target, -1) > LEVELS.get(source, -1)
    ]


def test_a_reference_upwards_is_seen():
    assert upward([("Order.guide", "mall", "guides")]) == ["Order.guide: mall → guides"]
    assert upward([("Site.user", "allauth", "kernel")]) == ["Site.user: allauth → kernel"]
    assert upward([("Order.member", "mall", "members"), ("Store.region", "stores", "stores")]) == []


def test_foreign_keys_point_down():
    references = []
    for model in apps.get_models(include_auto_created=True):
        if model._meta.app_label not in LEVELS:
            continue
        for field in model._meta.get_fields(include_hidden=True):
            if isinstance(field, models.ForeignKey | models.ManyToManyField):
                target = field.related_model._meta.app_label
                name = f"{model.__name__}.{field.name}"
                references.append((name, model._meta.app_label, target))

    assert len(references) > 60
    assert upward(references) == []


def test_migrations_depend_downwards():
    loader = MigrationLoader(None, ignore_no_migrations=True)
    references = [
        (f"{app}.{name}", app, parent)
        for (app, name), migration in loader.disk_migrations.items()
        for parent, _name in migration.dependencies
        if app in LEVELS
    ]

    assert references
    assert upward(references) == []


def test_what_is_referenced_is_not_deleted_with_its_owner():
    """PROTECT everywhere but for what is part of its owner or means nothing without it."""
    cascades = set()
    for model in apps.get_models(include_auto_created=True):
        if model._meta.app_label not in LEVELS or model._meta.auto_created:
            continue
        for field in model._meta.get_fields():
            if isinstance(field, models.ForeignKey):
                rule = field.remote_field.on_delete
                if rule is not models.PROTECT:
                    cascades.add(f"{model.__name__}.{field.name}")

    assert cascades == {
        "Session.user",
        "SavedFilter.user",
        "CardHoldLine.hold",
        "CartLine.member",
    }
