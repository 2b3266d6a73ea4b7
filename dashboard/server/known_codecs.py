"""Of codecs Python finds only those that it has. It would look in its path for whatever a Content-Type names, and remember each name that it didn't find."""

import codecs
import encodings
import pkgutil
from encodings.aliases import aliases

_known = frozenset([*aliases, *aliases.values(), *(module.name for module in pkgutil.iter_modules(encodings.__path__))])


def forget_others() -> None:
    """For this process. Called twice it does no more."""
    codecs.unregister(encodings.search_function)
    codecs.unregister(_find)
    codecs.register(_find)


def _find(name: str) -> codecs.CodecInfo | None:
    normalized = encodings.normalize_encoding(name)
    return encodings.search_function(name) if normalized in _known or normalized.replace(".", "_") in _known else None
