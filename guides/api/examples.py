"""What the API reference shows of guides. A test holds every value against its schema."""

from config.kernel.api import Example

TOUCH = Example(
    request={"token": "7M3K9W2X5P8R4T6V", "product": "D3001"},
    response={
        "guide": {"name": "沈听澜"},
        "product": {"code": "D3001", "name": "明前龙井"},
    },
)
