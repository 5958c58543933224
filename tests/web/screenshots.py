"""docs/screenshots, taken anew of the running mall: ``python -m tests.web.screenshots``.

``./run`` must be up; its ``$DATA_DIR/run.json`` (``.local`` by default) says where and with which
logins. Each face at 375 px and on a desktop, light and dark, as small PNGs.
"""

import io
import json
import os
import shutil
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "screenshots"
# What ./run looks for.
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SIZES = {"phone": (375, 720), "desktop": (1280, 800)}
SCHEMES = ("light", "dark")
MOST_BYTES = 150_000

# What is looked at, and whether the picture was drawn: something that comes last.
FACES = {
    "shop": ("/", "#view:not([aria-busy]) h1, #view:not([aria-busy]) h2"),
    "desk": ("/desk/", "#queue"),
    "guide": ("/guide/", ".stats"),
    "admin": ("/admin/", ".mall-board canvas"),
}


def small(png: bytes) -> bytes:
    """The same picture in at most 128 colours, which nobody can tell apart on these pages."""
    out = io.BytesIO()
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    picture.quantize(128, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
    return out.getvalue()


def sign_in(page: Page, url: str, login: dict[str, str]) -> None:
    page.goto(f"{url}/accounts/login/?next={login['url_path']}")
    page.fill("[name=login]", login["username"])
    page.fill("[name=password]", login["password"])
    page.press("[name=password]", "Enter")
    page.wait_for_url(f"{url}{login['url_path']}")


def take(browser: Browser, run: dict, face: str, size: str, scheme: str) -> bytes:
    """One picture, by somebody who has just come in."""
    width, height = SIZES[size]
    context = browser.new_context(
        locale="zh-CN",
        viewport={"width": width, "height": height},
        color_scheme="dark" if scheme == "dark" else "light",
        reduced_motion="reduce",
    )
    page = context.new_page()
    address, drawn = FACES[face]
    logins = [login for login in run["logins"] if login["face"] == face]
    if logins:
        sign_in(page, run["url"], logins[0])
    # Again: the greeting of the sign-in is gone.
    page.goto(run["url"] + address)
    page.locator(drawn).first.wait_for()
    page.wait_for_load_state("networkidle")
    # Nobody stands in a field; charts have settled.
    page.evaluate("document.activeElement?.blur()")
    page.wait_for_timeout(800)
    png = small(page.screenshot())
    context.close()
    return png


def main() -> None:
    data = Path(os.environ.get("DATA_DIR") or ROOT / ".local")
    run = json.loads((data / "run.json").read_text(encoding="utf-8"))
    chromium = next(filter(None, map(shutil.which, NAMES)))
    FOLDER.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for face in FACES:
            for size in SIZES:
                for scheme in SCHEMES:
                    png = take(browser, run, face, size, scheme)
                    name = f"{face}-{size}-{scheme}.png"
                    assert len(png) <= MOST_BYTES, f"{name} has {len(png)} bytes"
                    (FOLDER / name).write_bytes(png)
                    print(f"{name} {len(png) // 1024} KB")
        browser.close()


if __name__ == "__main__":
    main()
