"""Claims that were judged, and quotas that burn faster than planned."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from config.kernel.models import PolicyVersion
from coupons.models.coupon import Coupon
from coupons.models.template import Template
from coupons.states import Source, Verdict
from members.models import Member


class ClaimDecision(models.Model):
    """Why a claim was allowed, challenged or refused: what was known, by which rules.

    Device and network are keyed hashes, good for counting only. Rows never change but for
    ``answered_at``, and go after 90 days (``services.claim_decisions_purge``).
    """

    no = models.CharField(_("number"), max_length=32, unique=True)
    template = models.ForeignKey(
        Template, models.PROTECT, related_name="decisions", verbose_name=_("coupon template")
    )
    member = models.ForeignKey(
        Member, models.PROTECT, related_name="claim_decisions", verbose_name=_("member")
    )
    source = models.CharField(_("came by"), max_length=10, choices=Source.choices)
    verdict = models.CharField(_("verdict"), max_length=10, choices=Verdict.choices)
    score = models.IntegerField(_("score"))
    policy = models.ForeignKey(
        PolicyVersion,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("rules"),
        help_text=_("empty: there were none, the claim was only watched"),
    )
    facts = models.JSONField(_("facts"))
    reasons = models.JSONField(_("reasons"), default=list)
    device_hash = models.CharField(_("device"), max_length=32, blank=True)
    network_hash = models.CharField(_("network"), max_length=32, blank=True)
    decided_at = models.DateTimeField(_("decided at"))
    answered_at = models.DateTimeField(
        _("answered at"), null=True, blank=True, help_text=_("when the challenge was passed")
    )
    answers = models.OneToOneField(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="let_pass",
        verbose_name=_("challenge passed"),
        help_text=_("the challenge whose answer let this claim pass, once"),
    )
    coupon = models.OneToOneField(
        Coupon,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="decision",
        verbose_name=_("coupon"),
    )

    class Meta:
        verbose_name = _("decision on a claim")
        verbose_name_plural = _("decisions on claims")
        constraints = [
            models.CheckConstraint(
                condition=Q(verdict="allow", coupon__isnull=False)
                | (~Q(verdict="allow") & Q(coupon__isnull=True)),
                name="coupons_claimdecision_coupon",
            ),
            models.CheckConstraint(
                condition=Q(verdict="challenge") | Q(answered_at__isnull=True),
                name="coupons_claimdecision_answered",
            ),
            models.CheckConstraint(
                condition=Q(verdict="allow") | Q(answers__isnull=True),
                name="coupons_claimdecision_answers",
            ),
        ]
        indexes = [
            models.Index(
                fields=["device_hash", "decided_at"],
                condition=~Q(device_hash=""),
                name="coupons_claimdecision_device",
            ),
            models.Index(
                fields=["network_hash", "decided_at"],
                condition=~Q(network_hash=""),
                name="coupons_claimdecision_network",
            ),
            models.Index(fields=["decided_at"], name="coupons_claimdecision_recent"),
        ]

    def __str__(self) -> str:
        return self.no


class QuotaAlert(models.Model):
    """In an hour more coupons of a template were claimed than planned, by so many percent. Found
    by a task, once per template, step and day; it changes nothing by itself."""

    template = models.ForeignKey(
        Template, models.PROTECT, related_name="alerts", verbose_name=_("coupon template")
    )
    step_percent = models.PositiveSmallIntegerField(
        _("more than (% of the plan)"), help_text=_("100, 200 or 500")
    )
    day = models.DateField(_("day"))
    claims = models.PositiveIntegerField(_("claimed in an hour"))
    planned = models.PositiveIntegerField(_("planned in an hour"))
    found_at = models.DateTimeField(_("found at"))
    settled_at = models.DateTimeField(_("settled at"), null=True, blank=True)
    note = models.CharField(_("note"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("quota alert")
        verbose_name_plural = _("quota alerts")
        constraints = [
            models.UniqueConstraint(
                fields=["template", "step_percent", "day"], name="coupons_quotaalert_once"
            )
        ]
        indexes = [
            models.Index(
                fields=["found_at"],
                condition=Q(settled_at__isnull=True),
                name="coupons_quotaalert_open",
            )
        ]

    def __str__(self) -> str:
        return f"{self.template_id} {self.step_percent} % {self.day}"
