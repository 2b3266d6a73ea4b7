"""Makes Python find only its own codecs. Otherwise it searches its path for any name in a Content-Type, and remembers every unknown name."""

import codecs
import encodings
import pkgutil
from encodings.aliases import aliases

_known = frozenset([*aliases, *aliases.values(), *(module.name for module in pkgutil.iter_modules(encodings.__path__))])


def forget_others() -> None:
    """Forget other codecs in this process. A second call has no effect."""
    codecs.unregister(encodings.search_function)
    codecs.unregister(_find)
    codecs.register(_find)


def _find(name: str) -> codecs.CodecInfo | None:
    normalized = encodings.normalize_encoding(name)
    return encodings.search_function(name) if normalized in _known or normalized.replace(".", "_") in _known else None
