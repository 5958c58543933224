"""A product, and who edits it."""

import pytest

from tests.factories import make_product, make_user, staff_client


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def product():
    return make_product(code="tee", name="T恤", skus=[9_900, 8_800])


@pytest.fixture
def client():
    return staff_client(make_user(superuser=True))
