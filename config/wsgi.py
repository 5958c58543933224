"""The WSGI entry point that granian serves."""

import os

from config.env import config_errors, settings_module

os.environ.setdefault("DJANGO_SETTINGS_MODULE", settings_module())

from django.core.wsgi import get_wsgi_application

with config_errors():
    application = get_wsgi_application()
