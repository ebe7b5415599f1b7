from django.apps import AppConfig


class BillConfig(AppConfig):
    name = "ardoise.bill"
    label = "ardoise_bill"
