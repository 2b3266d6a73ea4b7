"""Messages for the next page, such as “Saved.”: in a cookie that no other host of the domain can set, or in the session if they are too long for it."""

from django.contrib.messages.storage.cookie import CookieStorage
from django.contrib.messages.storage.fallback import FallbackStorage
from django.contrib.messages.storage.session import SessionStorage


class HostCookieStorage(CookieStorage):
    cookie_name = "__Host-messages"


class Storage(FallbackStorage):
    storage_classes = (HostCookieStorage, SessionStorage)
