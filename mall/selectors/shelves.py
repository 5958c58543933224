"""Where goods are filed, for conditions over "category"."""

from mall.models import Category


def category_shelves() -> dict[int, set[str]]:
    """Per category (by primary key) its own code and those of all shelves above it. One
    statement."""
    rows = {
        pk: (code, parent)
        for pk, code, parent in Category.objects.values_list("pk", "code", "parent_id")
    }
    found = {}
    for pk in rows:
        codes: set[str] = set()
        above: int | None = pk
        while above is not None and rows[above][0] not in codes:
            code, parent = rows[above]
            codes.add(code)
            above = parent
        found[pk] = codes
    return found
