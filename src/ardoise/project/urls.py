"""Urls of the console."""

from django.urls import include, path

urlpatterns = [path("", include("ardoise.console.urls"))]
