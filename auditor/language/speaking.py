"""The language of what people read: English in the source, others from ``auditor/language/locale``.

All fixed text passes through `gettext` or `ngettext`; the templates call the same two. The language
is that of the enclosing `speaking` block, English outside of any. A message is a format string:
values are named, ``%(name)s``, and a sign for per cent is written ``%%``, which a space before it
holds to its number, as it does the parts of ``n = %(n)s``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from gettext import c2py  # it reads the Plural-Forms of a catalogue
from pathlib import Path
from types import ModuleType
from typing import Any

from babel import Locale
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from auditor.base.errors import UnknownNameError
from auditor.language.bidi import isolated

FOLDER = Path(__file__).resolve().parent / "locale"
SOURCE = "en"
NO_BREAK = "\u00a0"
_current: ContextVar[str] = ContextVar("language", default=SOURCE)


def languages() -> tuple[str, ...]:
    """Return the codes of all languages, English first."""
    found = sorted(path.parents[1].name for path in FOLDER.glob("*/LC_MESSAGES/auditor.po"))
    return (SOURCE, *found)


def checked_language(code: str) -> str:
    """Return the code of a language that there is.

    Raises:
        UnknownNameError: There is no catalogue of that language.
    """
    if code not in languages():
        raise UnknownNameError("language", code, languages())
    return code


@contextmanager
def speaking(code: str) -> Iterator[None]:
    """Speak a language inside the block.

    Raises:
        UnknownNameError: There is no catalogue of that language.
    """
    before = _current.set(checked_language(code))
    try:
        yield
    finally:
        _current.reset(before)


def spoken() -> str:
    """Return the code of the language that is spoken here."""
    return _current.get()


def locale() -> Locale:
    """Return the conventions of the spoken language: decimal signs, dates."""
    return _locale(spoken())


def translate(message: str) -> str:
    """Return a message in the spoken language, its values not yet filled in."""
    found = _messages(spoken()).get(message, (message,))[0] if spoken() != SOURCE else message
    return _held(found)


def translate_counted(singular: str, plural: str, count: float) -> str:
    """Return the form of a message that fits a count, its values not yet filled in."""
    forms = _messages(spoken()).get(singular) if spoken() != SOURCE else None
    if forms is None or len(forms) == 1:
        return _held(singular if count == 1 else plural)
    return _held(forms[_plural(spoken())(int(count))])


def _held(message: str) -> str:
    """Return a message whose signs for per cent, and numbers of pictures, stay on one line."""
    per_cent = message.replace(" %%", f"{NO_BREAK}%%")
    return per_cent.replace("n = %", f"n{NO_BREAK}={NO_BREAK}%")


def gettext(message: str, /, **values: Any) -> str:
    """Return a message in the spoken language with its values."""
    return translate(message) % _isolated(values)


def ngettext(singular: str, plural: str, num: float, /, **values: Any) -> str:
    """Return the form of a message that fits ``num``, with its values."""
    return translate_counted(singular, plural, num) % _isolated({"num": num, **values})


def _isolated(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values of a message; names that run from right to left stay in their place."""
    return {
        name: isolated(value) if type(value) is str else value for name, value in values.items()
    }


def listed(items: Sequence[str]) -> str:
    """Return items as the spoken language lists them: ``a, b and c``."""
    if len(items) < 2:
        return "".join(items)
    return gettext("%(first)s and %(last)s", first=", ".join(items[:-1]), last=items[-1])


def N_(message: str) -> str:  # noqa: N802 (gettext's own name for it)
    """Mark a message that is translated where it is used."""
    return message


def NN_(singular: str, plural: str) -> tuple[str, str]:  # noqa: N802
    """Mark a message with a count that is translated where it is used."""
    return singular, plural


class Texts:
    """The constants of a module, marked with `N_`, in the language that is spoken.

    A constant is a text, a tuple or a mapping (whose keys stay) of them, or has a method
    ``translated``.
    """

    def __init__(self, module: ModuleType) -> None:
        self._module = module

    def __getattr__(self, name: str) -> Any:
        return _translated(getattr(self._module, name))


def _translated(value: Any) -> Any:
    if isinstance(value, str):
        return gettext(value)
    if isinstance(value, Mapping):
        return {key: _translated(each) for key, each in value.items()}
    if isinstance(value, tuple):
        return tuple(_translated(each) for each in value)
    return value.translated()


@cache
def catalogue(code: str) -> Catalog:
    """Read the catalogue of a language."""
    with (FOLDER / code / "LC_MESSAGES" / "auditor.po").open("rb") as file:
        return read_po(file, locale=code)


@cache
def _plural(code: str) -> Callable[[int], int]:
    """Return the rule of a language: count -> which form."""
    return c2py(catalogue(code).plural_expr)


@cache
def _locale(code: str) -> Locale:
    return Locale.parse(code)


@cache
def _messages(code: str) -> dict[str, tuple[str, ...]]:
    """Return message -> its forms; what is not translated is left out and stays English."""
    found: dict[str, tuple[str, ...]] = {}
    for item in catalogue(code):
        forms = item.string if isinstance(item.string, tuple) else (item.string,)
        key = item.id if isinstance(item.id, str) else item.id[0]
        if key and all(forms) and not item.fuzzy:
            found[key] = tuple(str(form) for form in forms)
    return found
