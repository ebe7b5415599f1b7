"""Urls of the console. Its templates 400, 403, 403_csrf, 404 and 500 are found by Django's own handlers."""

from django.urls import include, path

urlpatterns = [path("", include("ardoise.console.urls"))]
