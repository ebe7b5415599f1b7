"""Wiring: settings, urls, WSGI. The only place that knows every room."""
