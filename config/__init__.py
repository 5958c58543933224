"""The project around the apps: settings, URL root, Celery, the embedded servers, the kernel."""
