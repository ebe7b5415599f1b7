from django.apps import AppConfig


class StoreConfig(AppConfig):
    name = "ardoise.store"
    label = "ardoise_store"
    verbose_name = "Store"
