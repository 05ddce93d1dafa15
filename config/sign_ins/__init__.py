"""Signing in to the console of the standalone project: throttled, written down, and ended after a quiet time.

django-axes counts failures; `django-otp` asks for a second factor where SECOND_FACTOR=1. docs/operations/sign-ins.md
says what operators need.
"""
