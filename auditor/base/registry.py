"""Name -> callable, filled by decorator: how every extension point finds its implementations."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, TypeVar

from auditor.base.errors import ConfigError, UnknownNameError
from auditor.base.installed import Offer, offer_of, offers

T = TypeVar("T")


class Registry(Generic[T]):
    """The named implementations of one kind of thing (``kind`` is what users call it).

    Every module of ``packages`` is imported before the first look at what is registered, so that
    the built-in ones are there. Adding one takes a file in a package. What installed packages offer
    in the ``group`` of entry points is imported once its name is asked for, and has to be of the
    type ``accepts``, or to register itself.
    """

    def __init__(self, kind: str, *packages: str, group: str = "", accepts: Any = Callable) -> None:
        self.kind = kind
        self._group, self._accepts = group, accepts
        self._loaded: dict[str, Offer] = {}
        self._packages = list(packages)
        self._entries: dict[str, T] = {}
        self._origins: dict[str, tuple[tuple[object, object], object]] = {}

    def register(self, name: str) -> Callable[[T], T]:
        """Return a decorator that enters what it decorates under ``name``.

        Raises:
            ConfigError: the name is taken.
        """

        def enter(entry: T) -> T:
            self.enter(name, entry, made_of=entry)
            return entry

        return enter

    def enter(self, name: str, entry: T, *, made_of: object) -> None:
        """Enter an entry that is made of a function: ``made_of``.

        The same function of a module that is imported again replaces its entry; a second function
        of that name in one module does not.

        Raises:
            ConfigError: the name is taken.
        """
        origin = (getattr(made_of, "__module__", ""), getattr(made_of, "__qualname__", made_of))
        module = getattr(made_of, "__globals__", None)  # another one when it is imported again
        if name in self._entries:
            before, imported = self._origins[name]
            if before != origin or (module is not None and imported is module):
                raise ConfigError(f"{self.kind} '{name}' is registered twice; rename one of them.")
        self._entries[name], self._origins[name] = entry, (origin, module)

    def __getitem__(self, name: str) -> T:
        self._import_built_in()
        if name not in self._entries:
            offer = self._offer(name)
            if offer is None:
                offered = (each.name for each in offers(self._group)) if self._group else ()
                raise UnknownNameError(self.kind, name, {*self._entries, *offered})
            self._load(offer)
        return self._entries[name]

    def __contains__(self, name: object) -> bool:
        self._import_built_in()
        return name in self._entries or self._offer(str(name)) is not None

    def offer(self, name: str) -> Offer | None:
        """Return which installed package an entry that is loaded came from, None of others."""
        return self._loaded.get(name)

    def _offer(self, name: str) -> Offer | None:
        return offer_of(self._group, name) if self._group else None

    def _load(self, offer: Offer) -> None:
        before = set(self._entries)
        found = offer.load()
        if offer.name not in self._entries:
            if not isinstance(found, self._accepts):
                raise ConfigError(
                    f"the package {offer.said} offers {offer.value} as the {self.kind} "
                    f"'{offer.name}', which is a {type(found).__name__} and registers nothing of "
                    "that name."
                )
            self.enter(offer.name, found, made_of=found)
        self._loaded |= dict.fromkeys(set(self._entries) - before, offer)

    def __iter__(self) -> Iterator[str]:
        self._import_built_in()
        return iter(self._entries)

    def __len__(self) -> int:
        self._import_built_in()
        return len(self._entries)

    def _import_built_in(self) -> None:
        while self._packages:
            package = importlib.import_module(self._packages.pop(0))
            import_all(package.__name__, package.__path__)


def import_all(package: str, folders: Iterable[str]) -> None:
    """Import every module of a package, so that what they register is there.

    ``folders`` is the package's ``__path__``. In order of name.
    """
    for module in sorted(each.name for each in pkgutil.iter_modules(folders)):
        importlib.import_module(f"{package}.{module}")
