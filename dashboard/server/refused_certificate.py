"""Logs a client certificate that was refused in a TLS handshake. OpenSSL can't say which one it was, because it forgets the certificate before we can ask."""

import logging
import ssl
import time

from oauth.log_quota import LogQuota

logger = logging.getLogger("tokenos.server")

# The limits are per worker; of_one is per address.
_quota = LogQuota(seconds=60, lines=50, of_one=5)

# X509_V_ERR_CERT_SIGNATURE_FAILURE, if the issuer has only the name of a trusted CA; …_DEPTH_ZERO_SELF_SIGNED_CERT, …_SELF_SIGNED_CERT_IN_CHAIN,
# …_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, …_UNABLE_TO_VERIFY_LEAF_SIGNATURE.
_UNKNOWN = (7, 18, 19, 20, 21)

SLOW = "its key, or the key of a certificate sent with it, is of a kind that can't be registered: an EC key without a named curve, or another algorithm"
MANY = "too many certificates were sent with it"


def log_refusal(error: ssl.SSLError, address: str, complaint: str) -> None:
    """Log it if error shows that the handshake failed because of a certificate. complaint: why it was refused unread, "" if it was read. address: the peer's,
    "" if unknown.
    """
    if complaint:
        reason = complaint
    elif isinstance(error, ssl.SSLCertVerificationError):
        reason = _explain(error)
    else:
        return
    left_out = _quota.spend(address, time.monotonic())
    if left_out is None:
        return
    more = f" {left_out} more refused since the last line." if left_out else ""
    logger.info("A client certificate was refused in the TLS handshake.%s", more, extra={"address": address or None, "reason": f"{reason}."})


def _explain(error: ssl.SSLCertVerificationError) -> str:
    more = ". Either it isn't registered, or it expired or was revoked over 30 days ago; and no CA in client-ca.pem issued it directly"
    return error.verify_message + (more if error.verify_code in _UNKNOWN else "")
