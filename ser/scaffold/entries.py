"""An entry added to a YAML file that someone wrote: its text, comments and order stay, and nothing in it is changed.

PyYAML reads a file without its comments, so it only says where to insert; what comes out is read again and compared.
"""

import difflib
import json
from typing import Any

import yaml

from ser.errors import InputError


def with_entry(text: str, outer: str, key: str, value: Any, where: str) -> str:
    """`text`, a mapping, with `key: value` (plain data) in its mapping `outer`, "" for itself, where it is not yet.

    Raises InputError, which says what to add by hand, where that cannot be done without changing what is written.
    """
    entry = f"{key}: {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"
    try:
        before = yaml.safe_load(text) or {}
        inner = {**(before.get(outer) or {}), key: value}
        new = _inserted(text, yaml.compose(text, yaml.SafeLoader), outer, entry)
        if yaml.safe_load(new) == {**before, **({outer: inner} if outer else inner)}:
            return new
    except (yaml.YAMLError, TypeError, AttributeError):  # not a mapping; or what was inserted is none of it
        pass
    by_hand = f"{outer}: {{{entry}}}" if outer else entry
    raise InputError(f"{where}: nothing can be added to it as it is written: add {by_hand}, then once more")


def changed(before: str, after: str, where: str) -> list[str]:
    """What was added, as diff has it."""
    return list(difflib.unified_diff(before.splitlines(), after.splitlines(), where, where, n=1, lineterm=""))


def _inserted(text: str, node: yaml.Node | None, outer: str, entry: str) -> str:
    """With `entry` at the end of a flow mapping, as the first of a block's, or, in the outermost block, as its last."""
    line_end = "\r\n" if "\r\n" in text else "\n"
    column, place = 0, len(text)
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    found = next(((name, of) for name, of in pairs if name.value == outer), None)
    if found:
        name, node = found
        place = text.find("\n", name.end_mark.index) + 1 or len(text)
        is_filled = isinstance(node, yaml.MappingNode) and node.value
        column = node.value[0][0].start_mark.column if is_filled else name.start_mark.column + 2
    elif outer:
        entry = f"{outer}:{line_end}  {entry}"
    if isinstance(node, yaml.MappingNode) and node.flow_style:
        kept = text[: node.end_mark.index - 1].rstrip()
        comma = "" if not node.value else " " if kept.endswith(",") else ", "
        return f"{kept}{comma}{entry}{text[len(kept) :]}"
    start = "" if not text[:place] or text[:place].endswith("\n") else line_end
    return f"{text[:place]}{start}{' ' * column}{entry}{line_end}{text[place:]}"
