from django.apps import AppConfig


class CollectConfig(AppConfig):
    name = "ardoise.collect"
    label = "ardoise_collect"
