"""Find the templates and set up Jinja: everything escaped, nothing undefined."""

from __future__ import annotations

import re
from collections.abc import Sequence, Sized
from pathlib import Path
from types import CodeType
from typing import Any

import jinja2
from markupsafe import Markup, escape

from auditor.base.shipped import shipped
from auditor.language.bidi import isolated
from auditor.language.numbers import number
from auditor.language.speaking import Text, spoken, translate, translate_counted, translated
from auditor.report.draw import colours
from auditor.report.sections.order import in_order, template_name
from auditor.report.show.formatting import FILTERS

LONG_WORD = re.compile(r"(?<![^\s\u2066-\u2069'\"(])[\w.-]{41,}(?![^\s\u2066-\u2069'\"),;:!?])")
DIGEST = re.compile(r"[0-9a-f]{40,}")
# Of the rows of a table, which hold no table.
ROW = re.compile(r"<tr\b.*?</tr>", flags=re.DOTALL)
CELL, COLUMNS = re.compile(r"<(t[dh])\b([^>]*)>"), re.compile(r'colspan="(\d+)"')
BREAK = "\u200b"  # takes no room


class Compiled(jinja2.BytecodeCache):
    """Keeps what templates were compiled to: a report is drawn twice, and compiling takes longer.

    By content and by the language that is spoken, in which constants were written. One is for
    environments that are set up alike.
    """

    def __init__(self) -> None:
        self._codes: dict[tuple[str, str, str], CodeType] = {}

    def load_bytecode(self, bucket: jinja2.bccache.Bucket) -> None:
        """Fill the bucket of a template, if it is known."""
        bucket.code = self._codes.get((bucket.key, bucket.checksum, spoken()))

    def dump_bytecode(self, bucket: jinja2.bccache.Bucket) -> None:
        """Keep what the template of a bucket was compiled to."""
        assert bucket.code is not None
        self._codes[bucket.key, bucket.checksum, spoken()] = bucket.code


COMPILED = Compiled()


def template_folder() -> Path:
    """Return the folder of the templates: inside the package (a wheel), else beside it.

    Raises:
        OutputError: the installation holds no templates.
    """
    return shipped("templates/html/report.html.j2").parents[1]


def environment(*folders: Path) -> jinja2.Environment:
    """Return the Jinja environment of the report: autoescaping always, undefined names fail.

    A template is taken from the first of the folders that has it.
    """
    jinja = jinja2.Environment(
        loader=jinja2.ChoiceLoader([jinja2.FileSystemLoader(folders), _of_plugins()]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
        finalize=_placed,
        bytecode_cache=COMPILED,
    )
    speak(jinja)
    jinja.tests["lone"] = _lone
    jinja.tests["several"] = _several
    jinja.filters["beyond"] = _beyond
    jinja.filters["titled"] = _titled
    jinja.globals["colours"] = colours
    return jinja


def _of_plugins() -> jinja2.BaseLoader:
    """Return what finds the templates of sections that plug-ins have registered."""
    files = {template_name(section): section.template for section in in_order()}

    def source(name: str) -> tuple[str, str, None] | None:
        file = files.get(name)
        return (file.read_text(encoding="utf-8"), str(file), None) if file else None

    return jinja2.FunctionLoader(source)


def speak(jinja: jinja2.Environment) -> None:
    """Give templates the filters, and gettext in the language that is spoken while they render."""
    jinja.filters.update(FILTERS)
    jinja.globals.update(_=_message, gettext=_message, ngettext=_counted_message, spoken=spoken)


@jinja2.pass_context
def _message(context: jinja2.runtime.Context, message: str, /, **values: Any) -> str:
    """Return a message; its values are escaped where the template is."""
    return _text(context, translate(message)) % _all_placed(values)


@jinja2.pass_context
def _counted_message(
    context: jinja2.runtime.Context, singular: str, plural: str, num: float, /, **values: Any
) -> str:
    """Return the form of a message that fits ``num``, which it writes as the report does."""
    text = _text(context, translate_counted(singular, plural, num))
    return text % _all_placed({"num": number(num), **values})


def _all_placed(values: dict[str, Any]) -> dict[str, Any]:
    return {name: _placed(value) for name, value in values.items()}


def _placed(value: Any) -> Any:
    """Return what is printed: names from right to left stay in place, long ones can be broken."""
    value = translated(value) if isinstance(value, Text) else value
    return LONG_WORD.sub(_breakable, isolated(value)) if type(value) is str else value


def _breakable(word: re.Match[str]) -> str:
    """Return a long word with places where a line may end; only of letters, and no digest."""
    text = word[0]
    if 2 * sum(map(str.isalpha, text)) < len(text) or DIGEST.fullmatch(text):
        return text
    return BREAK.join(re.findall(r"[^_.-]{0,24}[_.-]+|[^_.-]{1,24}", text))


def _text(context: jinja2.runtime.Context, message: str) -> str:
    # The catalogue is ours: what it holds of markup is meant.
    return Markup(message) if context.eval_ctx.autoescape else message  # noqa: S704


def _lone(items: Sized) -> bool:
    return len(items) == 1


def _several(items: Sized) -> bool:
    return len(items) > 1


def _beyond(items: Sized, most: int | None) -> int:
    """Return how many items are not shown where at most ``most`` are, None being all."""
    return 0 if most is None else max(0, len(items) - most)


def _titled(rows: str, columns: Sequence[Sequence[str]]) -> Markup:
    """Return the rows of a table with ``data-title`` in each cell: what its column is called."""
    titles = [escape(column[0]).striptags() for column in columns]

    def row(found: re.Match[str]) -> str:
        left = iter(titles)

        def cell(start: re.Match[str]) -> str:
            span = COLUMNS.search(start[2])
            own = [next(left, "") for _column in range(int(span[1]) if span else 1)]
            named = f' data-title="{escape(own[0])}"' if own[0] else ""
            return f"<{start[1]}{named}{start[2]}>"

        return CELL.sub(cell, found[0])

    return Markup(ROW.sub(row, rows))  # noqa: S704 (only adds attributes, which are escaped)
