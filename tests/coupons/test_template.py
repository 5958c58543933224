import pytest
from django.core.exceptions import ValidationError

from tests.factories import make_template

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("scope", {"v": 1, "all": [{"fact": "colour", "op": "eq", "value": "red"}]}),
        ("scope", {"v": 2}),
        ("channels", ["mall", "moon"]),
        ("channels", "mall"),
        ("sponsor_shares", {"brand:acme": 9_999}),
        ("sponsor_shares", {"brand:acme": 10_001, "platform": -1}),
        ("sponsor_shares", {"brand:acme": 0.5}),
        ("sponsor_shares", {"brand": 10_000}),
        ("sponsor_shares", {"brand:": 10_000}),
        ("sponsor_shares", {"operator:a:b": 10_000}),
        ("sponsor_shares", [["platform", 10_000]]),
    ],
)
def test_json_that_could_not_be_evaluated_is_refused(field, value):
    template = make_template()
    setattr(template, field, value)

    with pytest.raises(ValidationError) as refused:
        template.clean()

    assert list(refused.value.message_dict) == [field]


def test_json_that_can_be_evaluated_is_taken():
    scope = {"v": 1, "any": [{"fact": "category", "op": "in", "value": ["1", "2"]}]}
    template = make_template(scope=scope, channels=["store"])
    template.sponsor_shares = {"brand:acme": 6_000, "operator:east": 3_000, "platform": 1_000}

    template.clean()
