"""The Celery application: tasks are found in the ``tasks`` module of every installed app."""

import os

from celery import Celery

from config.env import settings_module

os.environ.setdefault("DJANGO_SETTINGS_MODULE", settings_module())

app = Celery("mall")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
