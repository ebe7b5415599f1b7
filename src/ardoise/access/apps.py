from django.apps import AppConfig


class AccessConfig(AppConfig):
    name = "ardoise.access"
    label = "ardoise_access"
