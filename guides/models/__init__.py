from guides.models.commission import Attribution, CommissionEntry
from guides.models.guide import Binding, Guide, GuideAssignment, Touch

__all__ = ["Attribution", "Binding", "CommissionEntry", "Guide", "GuideAssignment", "Touch"]
