from django.apps import AppConfig


class RateConfig(AppConfig):
    name = "ardoise.rate"
    label = "ardoise_rate"
