"""``python -m config.sandbox.wechat --port P --data-dir D [--init-only]``"""

import argparse
import logging
import signal
import sys
import threading
from pathlib import Path

from .accounts import Accounts
from .server import FakeWechat


def main() -> None:
    parser = argparse.ArgumentParser(prog="config.sandbox.wechat", description="A fake WeChat.")
    parser.add_argument("--port", type=int, default=8001)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument(
        "--init-only", action="store_true", help="write wechat.json for this port and leave"
    )
    options = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    if options.init_only:
        Accounts(options.data_dir).address(f"http://127.0.0.1:{options.port}/")
        return
    fake = FakeWechat(options.data_dir, options.port, host=options.host).start()
    sys.stdout.write(f"fake WeChat on {fake.base_url}, configuration in {fake.config_path}\n")
    sys.stdout.flush()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    stop.wait()
    fake.stop()


if __name__ == "__main__":
    main()
