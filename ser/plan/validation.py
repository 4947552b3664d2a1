"""YAML files checked against a JSON schema; the most telling fault becomes one clear line."""

import io
import math
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator, ValidationError
from jsonschema.exceptions import best_match

from ser.errors import InputError, did_you_mean, shown

OWN = "params.local.yaml"  # a machine's own entries, ignored by Git
_MOST_LEVELS = 40
_MOST_VALUES = 200_000


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # in C where PyYAML has it
    """The safe loader, without its habit of silently letting a repeated key win; every fault has its line."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ValueError, TypeError, LookupError, AttributeError) as error:  # 5,000 digits, 2020-13-45, !!int ""
            kind = node.tag.rpartition(":")[2]
            raise _fault(node, f"cannot be read as {kind} ({error}): put text in quotes") from None


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[str, Any]:
    seen: dict[str, int] = {}
    for key_node, _ in node.value:
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, str):
            raise _fault(key_node, f"the key {shown(key)} is not text: put it in quotes")
        if key in seen:
            raise _fault(key_node, f"{key!r} appears twice, first in line {seen[key]}: keep one")
        seen[key] = key_node.start_mark.line + 1
    mapping: dict[str, Any] = loader.construct_mapping(node, deep=True)
    return mapping


def _number(loader: _Loader, node: yaml.ScalarNode) -> float:
    number: float = loader.construct_yaml_float(node)
    if not math.isfinite(number):
        raise _fault(node, f"{shown(node.value, str)} is not a number that can be computed with")
    return number


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)
_Loader.add_constructor("tag:yaml.org,2002:float", _number)


def _fault(place: Any, what: str) -> InputError:
    return InputError(f"{place.start_mark.name}: line {place.start_mark.line + 1}: {what}")


def read_yaml(path: Path) -> Any:
    """The content of a YAML file, whose keys are text. Raises InputError with file and line when it is not YAML."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except UnicodeDecodeError as error:
        line = 1 + error.object[: error.start].count(b"\n")
        raise InputError(f"{path}: line {line}: not in UTF-8 ({error.reason}): save it in UTF-8") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    try:
        _check_size(_named(path, text))
        return yaml.load(_named(path, text), _Loader)  # a safe loader
    except yaml.YAMLError as error:
        raise InputError(f"{path}: not YAML: {' '.join(str(error).split())}") from None


def _named(path: Path, text: str) -> io.StringIO:
    """The text as a stream by whose name PyYAML calls it in its messages."""
    stream = io.StringIO(text)
    stream.name = str(path)
    return stream


def _check_size(stream: io.StringIO) -> None:
    """Raises InputError for a nesting that would exhaust the stack, and for aliases that would fill the memory."""
    sizes: dict[str | None, int] = {}  # by anchor, with all that its aliases stand for; one inside itself is not there
    open_: list[tuple[str | None, int]] = []
    for event in yaml.parse(stream, _Loader):
        size, anchor = 1, getattr(event, "anchor", None)
        if isinstance(event, yaml.CollectionStartEvent):
            open_.append((anchor, 1))
            if len(open_) > _MOST_LEVELS:
                raise _fault(event, f"nested deeper than {_MOST_LEVELS} levels: write it flatter")
            continue
        if isinstance(event, yaml.AliasEvent):
            size, anchor = sizes.get(event.anchor, 1), None
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, size = open_.pop()
        if size > _MOST_VALUES:
            raise _fault(event, f"more than {_MOST_VALUES:,} values: split it, or repeat less by aliases (*name)")
        if anchor:
            sizes[anchor] = size
        if open_:
            open_[-1] = (open_[-1][0], open_[-1][1] + size)


# JSON schema's types in a user's words.
_TYPES = {
    "object": "a mapping (key: value)",
    "array": "a list",
    "string": "text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "null": "null",
}

# A limit of numbers -> its keyword in JSON schema.
RANGE = {">=": "minimum", ">": "exclusiveMinimum", "<=": "maximum", "<": "exclusiveMaximum"}


def validate(value: Any, schema: dict[str, Any], where: str) -> None:
    """Raises InputError `where: key: what is wrong` for the most telling violation of `schema`."""
    errors = list(Draft202012Validator(schema).iter_errors(value))
    unknown = [error for error in errors if error.validator == "additionalProperties"]
    error = best_match(unknown or errors)  # a misspelt key also counts as missing: its name says more
    if error is not None:
        place = ".".join(str(part) for part in error.absolute_path)
        raise InputError(f"{where}: {place + ': ' if place else ''}{_explain(error)}")


def _explain(error: ValidationError) -> str:
    # `iter_errors` sets all three.
    schema: Any = error.schema
    value: Any = error.validator_value
    instance: Any = error.instance
    if error.validator == "additionalProperties" and isinstance(instance, dict):
        known = sorted(schema.get("properties", {}))
        unknown = sorted(set(instance) - set(known))
        hint = f"; {schema['$comment']}" if "$comment" in schema else ""
        return f"unknown key {unknown[0]!r}: {did_you_mean(unknown[0], known)}{hint}" if unknown else error.message
    if error.validator == "required":
        missing = [key for key in value if key not in instance]
        hint = " (chosen: what you decided yourself)" if missing == ["source"] else ""
        return f"missing {', '.join(map(repr, missing))}{hint}"
    if error.validator == "enum":
        words = list(map(str, value))
        hint = f": write it like {schema['examples'][0]}" if "examples" in schema else ""
        return f"{shown(instance)} is not {'one of ' if len(words) > 1 else ''}{', '.join(words)}{hint}"
    if error.validator == "type":
        hint = " (YAML reads 1e-3 as text: write 1.0e-3 or 0.001)" if _looks_like_number(instance) else ""
        if isinstance(instance, dict) and "value" in instance:
            hint = f": write {shown(instance['value'])} alone, a row has one source for all that it changes"
        if "examples" in schema:
            hint = f": write it like {schema['examples'][0]}"
        types = [value] if isinstance(value, str) else value
        return f"{shown(instance)} is not {' or '.join(map(_TYPES.__getitem__, types))}{hint}"
    if error.validator in RANGE.values():
        limits = " and ".join(f"{sign} {schema[key]}" for sign, key in RANGE.items() if key in schema)
        return f"{shown(instance)} is out of range: it must be {limits}"
    if error.validator == "pattern" and "examples" in schema:
        return f"{shown(instance)}: write it like {schema['examples'][0]}"
    if error.validator in ("minItems", "minProperties"):
        return "empty: name at least one"
    return shown(error.message, str)


def _looks_like_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return isinstance(value, str)


def entry_of(root: Path, *keys: str) -> str:
    """An entry for a message, after the file that sets it."""
    entry = read_yaml(root / OWN) if (root / OWN).is_file() else None
    for key in keys:
        entry = entry.get(key) if isinstance(entry, dict) else None
    return f"{'params.yaml' if entry is None else OWN}: {'.'.join(keys)}"
