"""Django's admin with the console that asks for a second factor, for INSTALLED_APPS."""

from django.contrib.admin.apps import AdminConfig


class ConsoleConfig(AdminConfig):
    default_site = "config.sign_ins.second_factor.Console"
