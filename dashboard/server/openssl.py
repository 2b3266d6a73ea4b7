"""What OpenSSL can do and Python's ssl has no name for: to name several groups (RFC 8446 §4.2.7), and to spoil a message of a handshake before it is heeded.

OpenSSL's own functions are called, if Python is a CPython, whose context is known to keep its SSL_CTX behind the head of each object, and its _ssl uses OpenSSL
as a library of its own. If OpenSSL is linked into Python, as by python-build-standalone, from which uv has its Pythons, nobody finds its functions: then each
function here says that it can't.
"""

import ctypes
import ssl
import sys
import sysconfig
import threading
from collections.abc import Callable
from functools import cache
from typing import Any

# OpenSSL 3 also offers groups of finite fields (RFC 7919), up to 8192 bits: a stranger who sends any number for such a key, and computes nothing, has the
# server compute for a tenth of a second. P-521 costs ten times as much as these, and nobody needs it; P-384 costs four times as much, but TLS 1.2 takes a
# client's certificate on the curves of this list alone. The first list is for OpenSSL 3.5 and later: what is recorded today stays secret when there are
# quantum computers.
_GROUPS = ("X25519MLKEM768:X25519:P-256:P-384", "X25519:P-256:P-384")
_SSL_CTRL_SET_SESS_CACHE_MODE, _SSL_CTRL_SET_GROUPS_LIST = 44, 92
# Bytes of an object's head: its count of references and its type.
_HEAD = 16

# RFC 8446 §5.1 and §4.
_HANDSHAKE, _CERTIFICATE, _FINISHED = 22, 11, 20
# Of a message: its kind and length.
_MESSAGE_HEAD = 4

# SSL_CTX_set_msg_callback(3): is it written, version, type of content, data, length, SSL, argument.
_Callback = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_void_p)

# In a thread, .hear: what its handshake under way does with a certificate message, which it gets with the version, and whether that goes on.
_under_way = threading.local()


def limit_groups(context: ssl.SSLContext) -> None:
    """To those that cost little. If they can't be named, P-256 alone is left, which every client has (RFC 8446 §9.1)."""
    if not any(_name_groups(context, groups) for groups in _GROUPS):
        context.set_ecdh_curve("prime256v1")


def _name_groups(context: ssl.SSLContext, groups: str) -> bool:
    """Return False if OpenSSL doesn't know them all, or can't be asked."""
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
    # Else the next reading of a connection in this thread would be told of the error.
    library.ERR_clear_error()
    return is_done


def forget_sessions(context: ssl.SSLContext) -> bool:
    """Have it keep no session. Return whether that is possible: else it keeps those of TLS 1.2 that end politely for two hours, 20,480 at most."""
    library = _load()
    if library is not None:
        library.SSL_CTX_ctrl(_find(context), _SSL_CTRL_SET_SESS_CACHE_MODE, 0, None)
    return library is not None


def hear_certificates(context: ssl.SSLContext) -> bool:
    """Have each handshake of context tell of a certificate message before OpenSSL reads it, see telling. Return whether that is possible."""
    library = _load()
    if library is not None:
        library.SSL_CTX_set_msg_callback(_find(context), _on_message)
    return library is not None


class telling:  # noqa: N801  # a context manager, used like a function
    """Within it, a handshake of a context of hear_certificates calls hear with the message and TLS's version. If it returns False, OpenSSL finds a message
    that makes no sense, and the handshake fails.
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
        # OpenSSL is linked into Python, or into _ssl, which then keeps its functions to itself.
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
        # No message of the open connection is told.
        _load().SSL_set_msg_callback(handle, _Callback())
    elif kind == _CERTIFICATE:
        is_good = False
        try:
            is_good = _under_way.hear(ctypes.string_at(data, length), version)
        finally:
            if not is_good:
                ctypes.memset(data + _MESSAGE_HEAD, 0xFF, length - _MESSAGE_HEAD)
