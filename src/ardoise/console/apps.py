from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    name = "ardoise.console"
    label = "ardoise_console"
