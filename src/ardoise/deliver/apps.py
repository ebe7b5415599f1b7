from django.apps import AppConfig


class DeliverConfig(AppConfig):
    name = "ardoise.deliver"
    label = "ardoise_deliver"
