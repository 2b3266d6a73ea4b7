"""A QR code (ISO/IEC 18004) as SVG for a page. Colours are attributes, because the pages' policy allows no inline styles."""

import qrcode  # type: ignore[import-untyped]
from django.utils.html import format_html
from django.utils.safestring import SafeString

_QUIET_ZONE = 4


def draw(text: str, *, label: str) -> SafeString:
    """Draw the code black on white in every theme, for cameras. label: a description for people who can't see it."""
    code = qrcode.QRCode(border=_QUIET_ZONE)
    code.add_data(text)
    code.make(fit=True)
    rows = code.get_matrix()
    path = "".join(f"M{x} {y}h1v1h-1z" for y, row in enumerate(rows) for x, is_dark in enumerate(row) if is_dark)
    return format_html(
        '<svg class="qr" role="img" aria-label="{}" width="220" height="220" viewBox="0 0 {size} {size}" shape-rendering="crispEdges">'
        '<rect width="{size}" height="{size}" fill="#fff"/><path fill="#000" d="{path}"/></svg>',
        label,
        size=len(rows),
        path=path,
    )
