"""What a mixin of ModelAdmins derives from."""

from typing import Any

# ``model``, ``admin_site`` and ``super()`` of a mixin are those of the ModelAdmin that it is mixed
# into. A typed base would clash with the class variables that every admin sets anew, so the type
# checker is told Any; to the program it is ``object``.
MixedIntoAdmin: Any = object
