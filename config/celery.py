"""The Celery application: tasks are found in the ``tasks`` module of every installed app."""

import os
import sys

from celery import Celery

from config.env import config_excepthook, settings_module

os.environ.setdefault("DJANGO_SETTINGS_MODULE", settings_module())

if os.path.basename(sys.argv[0]) in ("celery", "__main__.py"):
    # Celery's own command line loads the settings out of our reach.
    sys.excepthook = config_excepthook

app = Celery("mall")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
