from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from config.kernel.states import ApprovalState

_DECIDED = [ApprovalState.APPROVED, ApprovalState.REFUSED]


class Approval(models.Model):
    """An action that one person asks for and another decides on; approving runs it.

    ``kind`` is a registered ``ApprovalKind``. ``subject_type`` is the label of a model, such as
    ``mall.aftersale``, ``subject_id`` the row. ``params`` hold ids, numbers and codes, no personal
    data. ``amount_fen`` is what limits are about, 0 where there is none. ``operator_id`` and
    ``store_id`` say where it belongs (neither: to the whole group); they are plain numbers because
    keys point down. ``checker_role`` and ``limit_fen`` (None: without limit) are what the checker
    decided by, as they were at that moment.
    """

    no = models.CharField(_("approval no"), max_length=32, unique=True)
    kind = models.CharField(_("kind"), max_length=32)
    subject_type = models.CharField(_("subject type"), max_length=64)
    subject_id = models.BigIntegerField(_("subject"))
    params = models.JSONField(_("parameters"), default=dict)
    amount_fen = models.BigIntegerField(_("amount (fen)"), default=0)
    operator_id = models.BigIntegerField(_("operator"), null=True)
    store_id = models.BigIntegerField(_("store"), null=True)
    maker = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("maker")
    )
    reason = models.CharField(_("reason"), max_length=200)
    state = models.CharField(_("state"), max_length=10, choices=ApprovalState.choices)
    checker = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("checker"),
    )
    checker_role = models.CharField(_("checker's role"), max_length=16, blank=True)
    limit_fen = models.BigIntegerField(_("checker's limit (fen)"), null=True)
    note = models.CharField(_("note"), max_length=200, blank=True)
    created_at = models.DateTimeField(_("created at"))
    expires_at = models.DateTimeField(_("expires at"))
    decided_at = models.DateTimeField(_("decided at"), null=True)

    class Meta:
        verbose_name = _("approval")
        verbose_name_plural = _("approvals")
        constraints = [
            models.UniqueConstraint(
                # Two requests for one thing would run it twice.
                fields=["kind", "subject_type", "subject_id"],
                condition=Q(state=ApprovalState.PENDING),
                name="kernel_approval_one_pending",
            ),
            models.CheckConstraint(
                # Whoever asks for it never grants it.
                condition=Q(checker__isnull=True) | ~Q(checker=F("maker")),
                name="kernel_approval_two_people",
            ),
            models.CheckConstraint(
                # A decision has its person and the role they decided in, and nothing else has.
                condition=Q(state__in=_DECIDED, checker__isnull=False) & ~Q(checker_role="")
                | ~Q(state__in=_DECIDED) & Q(checker__isnull=True, checker_role=""),
                name="kernel_approval_decided_by",
            ),
            models.CheckConstraint(
                # It waits exactly as long as it has no end.
                condition=Q(state=ApprovalState.PENDING, decided_at__isnull=True)
                | ~Q(state=ApprovalState.PENDING) & Q(decided_at__isnull=False),
                name="kernel_approval_ended",
            ),
            models.CheckConstraint(
                condition=~Q(state=ApprovalState.APPROVED)
                | Q(limit_fen__isnull=True)
                | Q(limit_fen__gte=F("amount_fen")),
                name="kernel_approval_within_limit",
            ),
            models.CheckConstraint(
                condition=Q(amount_fen__gte=0), name="kernel_approval_amount_not_negative"
            ),
            models.CheckConstraint(
                # A store's request is its operator's too: both may decide on it.
                condition=Q(store_id__isnull=True) | Q(operator_id__isnull=False),
                name="kernel_approval_place",
            ),
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("created_at")), name="kernel_approval_period"
            ),
        ]
        indexes = [
            models.Index(fields=["subject_type", "subject_id"], name="kernel_approval_subject"),
            # The inbox and its badge: as small as what is waiting.
            models.Index(
                fields=["expires_at"],
                condition=Q(state=ApprovalState.PENDING),
                name="kernel_approval_waiting",
            ),
        ]

    def __str__(self) -> str:
        return self.no
