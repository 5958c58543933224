"""What a first visit costs on a phone: at most 100 KB per face, all of it from here."""

import pytest

from tests.web.faces import House

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

MOST = 100 * 1024


@pytest.mark.parametrize("face", ["/", "/desk/", "/guide/", "/accounts/login/"])
def test_a_first_load_is_light_and_from_here(house: House, page, face):
    house.sell()
    house.sign_in(page, house.manager if face == "/desk/" else house.guide.user)
    if face == "/accounts/login/":
        page.context.clear_cookies()
    weights: dict[str, int] = {}

    def weigh(request) -> None:
        sizes = request.sizes()
        weights[request.url] = sizes["responseBodySize"] + sizes["responseHeadersSize"]

    page.on("requestfinished", weigh)
    page.goto(house.url + face, wait_until="networkidle")

    assert all(url.startswith(house.url) for url in weights), weights
    # The page, its style and its program at the least: something was weighed.
    assert len(weights) >= 3 and sum(weights.values()) > 20_000
    assert sum(weights.values()) <= MOST, weights
