"""YAML files checked against a JSON schema; the most telling fault becomes one clear line."""

from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator, ValidationError
from jsonschema.exceptions import best_match

from ser.errors import InputError, did_you_mean


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # in C where PyYAML has it
    """The safe loader, without its habit of silently letting a repeated key win."""


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[Any] = set()
    for key_node, _ in node.value:
        key = loader.construct_object(key_node)
        if key in seen:
            raise InputError(f"{node.start_mark.name}: line {key_node.start_mark.line + 1}: {key!r} appears twice")
        seen.add(key)
    mapping: dict[Any, Any] = loader.construct_mapping(node, deep=True)
    return mapping


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def read_yaml(path: Path) -> Any:
    """The content of a YAML file. Raises InputError with file and line when it is not YAML."""
    try:
        with path.open(encoding="utf-8") as file:
            return yaml.load(file, _Loader)  # a safe loader
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except yaml.YAMLError as error:
        raise InputError(f"{path}: not YAML: {' '.join(str(error).split())}") from None


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
        return f"unknown key {unknown[0]!r}: {did_you_mean(unknown[0], known)}" if unknown else error.message
    if error.validator == "required":
        return f"missing {', '.join(repr(k) for k in value if k not in instance)}"
    if error.validator == "enum":
        words = list(map(str, value))
        return f"{instance!r} is not {'one of ' if len(words) > 1 else ''}{', '.join(words)}"
    if error.validator == "type":
        hint = " (YAML reads 1e-3 as text: write 1.0e-3 or 0.001)" if _looks_like_number(instance) else ""
        types = [value] if isinstance(value, str) else value
        return f"{instance!r} is not {' or '.join(map(_TYPES.__getitem__, types))}{hint}"
    if error.validator in ("minItems", "minProperties"):
        return "empty: name at least one"
    return error.message if len(error.message) < 300 else error.message[:300] + "..."


def _looks_like_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return isinstance(value, str)
