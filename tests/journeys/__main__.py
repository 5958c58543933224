"""``./run journey``: the stories against the running mall, then the audit."""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from tests.journeys.basket import Prepared
from tests.journeys.client import JourneyFailed
from tests.journeys.delivery import Delivery
from tests.journeys.sale import Sale
from tests.journeys.story import Story
from tests.journeys.value import Value

STORIES: dict[str, type[Story]] = {
    "sale": Sale,
    "value": Value,
    "basket": Prepared,
    "delivery": Delivery,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="./run journey", description=__doc__)
    parser.add_argument(
        "story", nargs="*", metavar="STORY", help="sale, value, basket, delivery; default all"
    )
    parser.add_argument("--search", default="", help="buy what this search finds")
    parser.add_argument("--no-audit", action="store_true", help="leave the audit out")
    arguments = parser.parse_args()
    names = arguments.story or list(STORIES)
    if set(names) - set(STORIES):
        parser.error(f"stories are {', '.join(STORIES)}")
    folder = Path(os.environ.get("DATA_DIR", ".local"))
    try:
        facts = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    except OSError:
        print(f"journey: nothing runs on DATA_DIR {folder}; start it with ./run", file=sys.stderr)
        return 1
    for name in names:
        story = STORIES[name](facts["url"], facts["wechat_url"], facts["logins"], arguments.search)
        print(f"\n== {name}")
        try:
            story.run()
        except JourneyFailed as error:
            print(f"\njourney: {name}, step {story.steps} failed: {error}", file=sys.stderr)
            return 1
        finally:
            story.close()
    if arguments.no_audit:
        return 0
    print("\n== the audit")
    return subprocess.run(["./run", "audit"], check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main())
