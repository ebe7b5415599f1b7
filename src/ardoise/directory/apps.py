from django.apps import AppConfig


class DirectoryConfig(AppConfig):
    name = "ardoise.directory"
    label = "ardoise_directory"
