"""Settings of the embedded default: everything on this machine, demo logins, no TLS.

The launcher (``config.embedded``) exports the environment that the base settings read.
"""

from config.env import env
from config.settings.base import *

DEBUG = env.bool("DEBUG", default=False)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["*"])
STAFF_MFA_REQUIRED = False
SESSION_COOKIE_SECURE = False
CSRF_COOKIE_SECURE = False
SECURE_SSL_REDIRECT = False
