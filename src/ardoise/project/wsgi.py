"""The console as a WSGI application (granian serves it; any WSGI server can)."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ardoise.project.settings")
application = get_wsgi_application()
