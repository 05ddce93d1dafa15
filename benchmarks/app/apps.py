from django.apps import AppConfig


class BenchmarkConfig(AppConfig):
    name = "benchmarks.app"
    label = "benchmark"
    default_auto_field = "django.db.models.BigAutoField"
