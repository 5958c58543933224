"""Terms that mean nothing are refused by their forms and by the database."""

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from coupons.models import Template
from mall.models import Promotion
from tests.factories import make_promotion, make_template

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("columns", "field"),
    [
        ({"steps": [[100, 2_000]], "threshold_fen": 200}, "steps"),
        ({"steps": [[300, 900]], "threshold_fen": 200}, "steps"),
        ({"steps": [[300, "x"]]}, "steps"),
        ({"kind": "percent", "value": 100, "steps": [[300, 10_001]]}, "steps"),
        ({"excludes": ["", "a"]}, "excludes"),
        ({"weekdays": [0]}, "weekdays"),
        ({"hours": [["10:00", "10:00"]]}, "hours"),
        ({"hours": [["10", "x"]]}, "hours"),
        ({"scope": {"v": 1, "all": [{"fact": "moon", "op": "eq", "value": "full"}]}}, "scope"),
    ],
)
def test_a_form_refuses_nonsense(columns, field):
    for row in (make_promotion(value=1_000), make_template(value=1_000)):
        for name, value in columns.items():
            setattr(row, name, value)
        with pytest.raises(ValidationError) as refused:
            row.clean()
        assert list(refused.value.message_dict) == [field]


@pytest.mark.parametrize(
    ("columns", "field"),
    [
        ({"channels": ["moon"]}, "channels"),
        ({"channels": []}, "channels"),
        ({"channels": "store"}, "channels"),
        ({"channels": [["store"]]}, "channels"),
        ({"kind": "bundle", "skus": {}}, "skus"),
        ({"kind": "gift", "value": 0, "skus": {"a": 0}}, "skus"),
        ({"kind": "amount", "skus": {"a": 1}}, "skus"),
    ],
)
def test_a_form_of_a_promotion_refuses_nonsense(columns, field):
    row = make_promotion()
    for name, value in columns.items():
        setattr(row, name, value)
    with pytest.raises(ValidationError) as refused:
        row.clean()
    assert list(refused.value.message_dict) == [field]


def test_sound_terms_are_accepted():
    row = make_promotion(
        threshold_fen=30_000,
        value=3_000,
        steps=[[50_000, 6_000]],
        weekdays=[6, 7],
        hours=[["10:00", "14:00"], ["18:00", "22:00"]],
        excludes=["vip"],
    )
    row.clean()
    make_promotion(kind="price", skus={"a": 0}).clean()
    make_template(kind="exchange", value=0).clean()


@pytest.mark.parametrize(
    ("columns", "constraint"),
    [
        ({"threshold_fen": 1, "threshold_pieces": 1}, "one_threshold"),
        ({"kind": "nth", "value": 5_000}, "set"),
        ({"pieces": 2}, "set"),
        ({"times": 0}, "times"),
        ({"kind": "price", "steps": [[1, 2]]}, "steps"),
        ({"kind": "nth", "pieces": 2, "value": 10_001}, "value"),
    ],
)
def test_the_database_refuses_nonsense(columns, constraint):
    for make, table in ((make_promotion, "mall_promotion"), (make_template, "coupons_template")):
        with pytest.raises(IntegrityError, match=f"{table}_{constraint}"), transaction.atomic():
            make(**columns)
    assert Promotion.objects.count() == Template.objects.count() == 0


def test_the_database_refuses_a_gift_of_nothing():
    with pytest.raises(IntegrityError, match="mall_promotion_skus"), transaction.atomic():
        make_promotion(kind="gift", value=0)
    assert Promotion.objects.count() == 0
