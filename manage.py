#!/usr/bin/env python3
"""Django's command line; ``./run manage`` calls it with the embedded servers running."""

import os
import sys

from config.env import config_errors, settings_module


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", settings_module())
    from django.core.management import execute_from_command_line

    with config_errors():
        execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
