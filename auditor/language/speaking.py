"""The language of what people read: English in the source, others from ``auditor/language/locale``.

All fixed text passes through `gettext` or `ngettext`; the templates call the same two. Results are
made in English and hold `Text`s, which know their message and its values: `translated` puts them
into the language of the enclosing `speaking` block. A message is a format string: values are
named, ``%(name)s``, and a sign for per cent is written ``%%``, which a space before it holds to its
number, as it does the parts of ``n = %(n)s``.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, wraps
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Any, ParamSpec

from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from auditor.base.errors import UnknownNameError
from auditor.language.bidi import isolated

FOLDER = Path(__file__).resolve().parent / "locale"
SOURCE = "en"
NO_BREAK = "\u00a0"
P = ParamSpec("P")
_current: ContextVar[str] = ContextVar("language", default=SOURCE)
# The functions that make texts, by name: with their arguments a text is made again.
_MAKERS: dict[str, Callable[..., str]] = {}


class Text(str):
    """A text that knows how it was made: the name of its maker and the maker's arguments.

    ``+``, `joined` and the values of `gettext` keep it whole. An f-string, or a method of strings,
    gives a plain string, which stays in its language.
    """

    maker: str
    args: tuple[Any, ...]
    values: dict[str, Any]

    def __new__(cls, maker: str, args: Iterable[Any], values: Mapping[str, Any]) -> Text:
        """Make the text in the spoken language."""
        args = tuple(map(_plain, args))
        values = {name: _plain(value) for name, value in values.items()}
        text = super().__new__(cls, _MAKERS[maker](*args, **values))
        text.maker, text.args, text.values = maker, args, values
        return text

    def __add__(self, other: str) -> str:
        return joined((self, other), "")

    def __radd__(self, other: str) -> str:
        return joined((other, self), "")

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle and copy how the text was made."""
        return Text, (self.maker, self.args, self.values)

    def to_json(self) -> dict[str, Any]:
        """Return how the text was made as plain JSON values."""
        values = {name: _to_json(value) for name, value in self.values.items()}
        call = {"text": [self.maker, *map(_to_json, self.args)]}
        return call | ({"values": values} if values else {})

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Text:
        """Return the text that `to_json` described, in the spoken language.

        Raises:
            ValueError: It describes none.
        """
        try:
            maker, *args = document["text"]
            values = document.get("values", {})
            read = {name: _from_json(value) for name, value in values.items()}
            return cls(maker, map(_from_json, args), read)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ValueError(f"this describes no text ({error!r})") from error


def makes_text(make: Callable[P, str]) -> Callable[P, str]:
    """Decorate a function so that what it returns can be made again in another language.

    Its arguments are plain values, texts, or tuples of them.
    """
    name = make.__name__.lstrip("_")
    _MAKERS[name] = make

    @wraps(make)
    def made(*args: P.args, **values: P.kwargs) -> str:
        return Text(name, args, values)

    return made


def translated(value: Any) -> Any:
    """Return a value with the texts in it as plain strings of the spoken language.

    Anything that has a method ``translated`` is asked for it, as the parts of a result are.
    """
    if isinstance(value, Text):
        return str(Text(value.maker, value.args, value.values))
    if isinstance(value, Mapping):
        return {key: translated(item) for key, item in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = (field.name for field in dataclasses.fields(value))
        return dataclasses.replace(value, **{n: translated(getattr(value, n)) for n in fields})
    if isinstance(value, list | tuple):
        items = [translated(item) for item in value]
        return tuple(items) if isinstance(value, tuple) else items
    return value.translated() if hasattr(value, "translated") else value


def _plain(value: Any) -> Any:
    """Return an argument of a text as a value of Python's own."""
    if isinstance(value, list | tuple | Iterator):
        return tuple(map(_plain, value))
    return value.item() if hasattr(value, "item") else value


def _to_json(value: Any) -> Any:
    if isinstance(value, Text):
        return value.to_json()
    if isinstance(value, tuple):
        return [_to_json(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return {"number": str(value)}
    return value


def _from_json(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return tuple(map(_from_json, value))
    if isinstance(value, Mapping):
        return float(value["number"]) if "number" in value else Text.from_json(value)
    return value


def languages() -> tuple[str, ...]:
    """Return the codes of all languages, English first."""
    codes = sorted(path.parents[1].name for path in FOLDER.glob("*/LC_MESSAGES/auditor.po"))
    return (SOURCE, *codes)


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
    return _held(_catalogue(spoken()).gettext(message) if message else "")


def translate_counted(singular: str, plural: str, count: float) -> str:
    """Return the form of a message that fits a count, its values not yet filled in."""
    return _held(_catalogue(spoken()).ngettext(singular, plural, int(count)))


def _held(message: str) -> str:
    """Return a message whose signs for per cent, and numbers of pictures, stay on one line."""
    per_cent = message.replace(" %%", f"{NO_BREAK}%%")
    return per_cent.replace("n = %", f"n{NO_BREAK}={NO_BREAK}%")


@makes_text
def gettext(message: str, /, **values: Any) -> str:
    """Return a message in the spoken language with its values."""
    return translate(message) % {name: _placed(value) for name, value in values.items()}


@makes_text
def ngettext(singular: str, plural: str, num: float, /, **values: Any) -> str:
    """Return the form of a message that fits ``num``, with its values."""
    placed = {name: _placed(value) for name, value in {"num": num, **values}.items()}
    return translate_counted(singular, plural, num) % placed


@makes_text
def joined(parts: Iterable[str], between: str = " ") -> str:
    """Return the parts that are not empty as one text."""
    return between.join(str(_placed(part)) for part in parts if part)


@makes_text
def capitalised(text: str) -> str:
    """Return a text that begins with a capital letter."""
    said: str = translated(text)
    return said[:1].upper() + said[1:]


@makes_text
def listed(items: Iterable[str]) -> str:
    """Return items as the spoken language lists them: ``a, b and c``."""
    *items, last = items or ("",)
    return (
        gettext("%(first)s and %(last)s", first=joined(items, ", "), last=last)
        if items
        else str(_placed(last))
    )


def _placed(value: Any) -> Any:
    """Return a value as a text shows it; names from right to left stay in their place."""
    return isolated(value) if type(value) is str else translated(value)


def constants(module: ModuleType) -> dict[str, Any]:
    """Return the constants of a module by name, their texts in the spoken language."""
    upper = {name: value for name, value in vars(module).items() if name.isupper()}
    texts: dict[str, Any] = translated(upper)
    return texts


def N_(message: str) -> str:  # noqa: N802 (gettext's own name for it)
    """Mark a message that is translated where it is used."""
    return message


def NN_(singular: str, plural: str) -> tuple[str, str]:  # noqa: N802
    """Mark a message with a count that is translated where it is used."""
    return singular, plural


@cache
def _catalogue(code: str) -> NullTranslations:
    """Read the catalogue of a language; what is not translated stays English."""
    if code == SOURCE:
        return NullTranslations()
    with (FOLDER / code / "LC_MESSAGES" / "auditor.po").open("rb") as file:
        catalogue = read_po(file, locale=code)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return GNUTranslations(compiled)


@cache
def _locale(code: str) -> Locale:
    return Locale.parse(code)
