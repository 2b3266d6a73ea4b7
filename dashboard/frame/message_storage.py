"""Notes for the next page, such as “Saved.”: in a cookie that no other name of the domain can set, and in the session what is too long for it."""

from django.contrib.messages.storage.cookie import CookieStorage
from django.contrib.messages.storage.fallback import FallbackStorage
from django.contrib.messages.storage.session import SessionStorage


class HostCookieStorage(CookieStorage):
    cookie_name = "__Host-messages"


class Storage(FallbackStorage):
    storage_classes = (HostCookieStorage, SessionStorage)
