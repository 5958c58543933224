import pytest

from members.services.phone_bind import PhoneInvalid, phone_normalise


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("13800138000", "+8613800138000"),
        ("+86 138 0013 8000", "+8613800138000"),
        ("008613800138000", "+8613800138000"),
        ("+85291234567", "+85291234567"),
    ],
)
def test_numbers_become_e164(text, number):
    assert phone_normalise(text) == number


@pytest.mark.parametrize("text", ["", "abc", "+8612", "1380013800013800138000"])
def test_what_is_no_number_is_refused(text):
    with pytest.raises(PhoneInvalid):
        phone_normalise(text)
