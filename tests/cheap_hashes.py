"""Importing this makes hashes cost less than in the product: each secret of a test costs one, and each account would cost a tenth of a second and 100 MB."""

from django.conf import settings

settings.ARGON2_MEMORY_COST = 8
settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher", *settings.PASSWORD_HASHERS]
