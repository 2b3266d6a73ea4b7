"""Which groups a TLS handshake agrees on keys in. RFC 8446 §4.2.7 and §9.1.

OpenSSL 3 also offers those of finite fields (RFC 7919), up to 8192 bits: a stranger who sends any number for such a key, and computes nothing, has the server
compute for a tenth of a second. It offers P-521 too, which costs ten times as much as the three here and which nobody needs.

Python can name several groups from 3.15 on. Before, OpenSSL's own function is called, where CPython's context is known to keep its SSL_CTX behind the head of
each object; elsewhere P-256 alone remains, which every client of TLS 1.3 has.
"""

import ctypes
import ssl
import sys
import sysconfig

_GROUPS = "X25519:P-256:P-384"
_SSL_CTRL_SET_GROUPS_LIST = 92
# Bytes of an object's head: its count of references and its type.
_HEAD = 16


def limit_groups(context: ssl.SSLContext) -> None:
    if hasattr(context, "set_groups"):
        context.set_groups(_GROUPS)
    elif not _set_groups(context):
        context.set_ecdh_curve("prime256v1")


def _set_groups(context: ssl.SSLContext) -> bool:
    library = getattr(sys.modules["_ssl"], "__file__", None)
    is_known = sys.implementation.name == "cpython" and object.__basicsize__ == _HEAD and not sysconfig.get_config_var("Py_GIL_DISABLED")
    if library is None or not is_known:
        return False
    control = ctypes.CDLL(library).SSL_CTX_ctrl
    control.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_long, ctypes.c_char_p]
    control.restype = ctypes.c_long
    kept = ctypes.c_void_p.from_address(id(context) + _HEAD).value
    return bool(control(kept, _SSL_CTRL_SET_GROUPS_LIST, 0, _GROUPS.encode()))
