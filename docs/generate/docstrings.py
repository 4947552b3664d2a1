"""The project's docstrings are plain text with code in single backticks; autodoc reads reStructuredText."""

import re
from collections.abc import Iterator
from itertools import groupby

# Characters that mean something in reStructuredText, and `name_`, which would be a reference.
_MARKUP = re.compile(r"[*|\\]|_(?!\w)")


def as_rst(lines: list[str]) -> list[str]:
    """The same text as reStructuredText: indented paragraphs as they stand, all else as running text or lists."""
    return list(_lines(lines))


def _lines(lines: list[str]) -> Iterator[str]:
    is_literal = False
    for is_blank, block in groupby(lines, lambda line: not line.strip()):
        paragraph = list(block)
        if is_blank:
            yield from paragraph
        elif all(line.startswith("    ") for line in paragraph):
            yield from paragraph if is_literal else ["::", "", *paragraph]
            is_literal = True
        else:
            is_literal = False
            is_list = paragraph[0].lstrip().startswith("- ")
            # Over the whole paragraph, as code may go on in the next line.
            parts = "\n".join(line if is_list else line.strip() for line in paragraph).split("`")
            parts[::2] = [_MARKUP.sub(r"\\\g<0>", part) for part in parts[::2]]
            yield from "`".join(parts).split("\n")
            if is_list:
                yield ""
