"""The project around the apps: settings, URL root, Celery, the embedded servers, the kernel."""

# Importing the Celery app here makes it the default one for every ``shared_task``.
from config.celery import app as celery_app

__all__ = ["celery_app"]
