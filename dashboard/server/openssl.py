"""OpenSSL features that Python's ssl lacks: naming several groups (RFC 8446 §4.2.7), and spoiling a handshake message before OpenSSL processes it.

This calls OpenSSL's own functions. It needs CPython, because its contexts have their SSL_CTX directly after the object header, and an _ssl that uses OpenSSL as
a shared library. If OpenSSL is linked into Python, as in python-build-standalone, which uv uses, its functions can't be found, and each function here returns
False.
"""

import ctypes
import ssl
import sys
import sysconfig
import threading
from collections.abc import Callable
from functools import cache
from typing import Any

# OpenSSL 3 also offers finite-field groups (RFC 7919) of up to 8192 bits: a stranger can send any number as such a key, without computing, and the server
# computes for a tenth of a second. P-521 costs ten times as much as these groups and isn't needed. The first list is for OpenSSL 3.5 and later: with it,
# traffic recorded today stays secret from quantum computers.
_GROUPS = ("X25519MLKEM768:X25519:P-256", "X25519:P-256")
# It costs three times as much, but TLS 1.2 only accepts client certificates on the curves in the list.
_OF_CERTIFICATES = ":P-384"
_SSL_CTRL_SET_SESS_CACHE_MODE, _SSL_CTRL_SET_GROUPS_LIST = 44, 92
# Bytes of an object's header: its reference count and its type.
_HEAD = 16

# RFC 8446 §5.1 and §4.
_HANDSHAKE, _CERTIFICATE, _FINISHED = 22, 11, 20
# Bytes of a message's type and length.
_MESSAGE_HEAD = 4

# SSL_CTX_set_msg_callback(3): whether it is written, version, content type, data, length, SSL, argument.
_Callback = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_void_p)

# Per thread, hear: the current handshake's function for a certificate message and the TLS version. It returns whether to continue.
_under_way = threading.local()


def limit_groups(context: ssl.SSLContext, *, asks_certificates: bool) -> None:
    """Allow only groups that cost little. If they can't be named, only P-256 is allowed, which every client has (RFC 8446 §9.1)."""
    if not any(_name_groups(context, groups + _OF_CERTIFICATES * asks_certificates) for groups in _GROUPS):
        context.set_ecdh_curve("prime256v1")


def _name_groups(context: ssl.SSLContext, groups: str) -> bool:
    """Return False if OpenSSL doesn't know all of them, or its functions can't be called."""
    if hasattr(context, "set_groups"):  # from Python 3.15 on
        try:
            context.set_groups(groups)
        except ssl.SSLError:
            return False
        return True
    library = _load()
    if library is None:
        return False
    is_done = bool(library.SSL_CTX_ctrl(_find(context), _SSL_CTRL_SET_GROUPS_LIST, 0, groups.encode()))
    # Otherwise the next read of a connection in this thread would get the error.
    library.ERR_clear_error()
    return is_done


def forget_sessions(context: ssl.SSLContext) -> bool:
    """Make the context keep no sessions. Return whether that is possible: if not, it keeps cleanly closed TLS 1.2 sessions for two hours, up to 20,480."""
    library = _load()
    if library is not None:
        library.SSL_CTX_ctrl(_find(context), _SSL_CTRL_SET_SESS_CACHE_MODE, 0, None)
    return library is not None


def hear_certificates(context: ssl.SSLContext) -> bool:
    """Make each handshake of the context report a certificate message before OpenSSL reads it, see telling. Return whether that is possible."""
    library = _load()
    if library is not None:
        library.SSL_CTX_set_msg_callback(_find(context), _on_message)
    return library is not None


class telling:  # noqa: N801  # a context manager, used like a function
    """Within it, a handshake of a context from hear_certificates calls hear with the message and the TLS version. If hear returns False, OpenSSL gets a
    meaningless message, and the handshake fails.
    """

    def __init__(self, hear: Callable[[bytes, int], bool]) -> None:
        self._hear = hear

    def __enter__(self) -> None:
        _under_way.hear = self._hear

    def __exit__(self, *_: object) -> None:
        _under_way.hear = None


@cache
def _load() -> Any:
    path = getattr(sys.modules["_ssl"], "__file__", None)
    is_known = sys.implementation.name == "cpython" and object.__basicsize__ == _HEAD and not sysconfig.get_config_var("Py_GIL_DISABLED")
    library: Any = ctypes.CDLL(path) if path is not None and is_known else None
    if not hasattr(library, "SSL_CTX_ctrl"):
        # OpenSSL is linked into Python or into _ssl, so its functions aren't accessible.
        return None
    library.SSL_CTX_ctrl.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_long, ctypes.c_char_p]
    library.SSL_CTX_ctrl.restype = ctypes.c_long
    library.ERR_clear_error.argtypes, library.ERR_clear_error.restype = [], None
    for name in ("SSL_CTX_set_msg_callback", "SSL_set_msg_callback"):
        getattr(library, name).argtypes = [ctypes.c_void_p, _Callback]
        getattr(library, name).restype = None
    return library


def _find(context: ssl.SSLContext) -> Any:
    return ctypes.c_void_p.from_address(id(context) + _HEAD).value


@_Callback  # type: ignore[untyped-decorator]  # ctypes has no types for it
def _on_message(is_written: int, version: int, content_type: int, data: int, length: int, handle: int, _: int) -> None:
    if is_written or content_type != _HANDSHAKE or length < _MESSAGE_HEAD:
        return
    kind = ctypes.string_at(data, 1)[0]
    if kind == _FINISHED:
        # Messages of the open connection aren't reported.
        _load().SSL_set_msg_callback(handle, _Callback())
    elif kind == _CERTIFICATE:
        is_good = False
        try:
            is_good = _under_way.hear(ctypes.string_at(data, length), version)
        finally:
            if not is_good:
                ctypes.memset(data + _MESSAGE_HEAD, 0xFF, length - _MESSAGE_HEAD)
