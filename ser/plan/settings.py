"""What a system's file says, read without importing it: its legal settings, what it classifies besides the labels,
whether other code made its predictions, and whether it has an attention to draw.

A system's file imports torch, which is far too slow while the workflow is parsed; its `Settings` dataclass holds
only plain types, so `ast` can turn it into a JSON schema, and its `AUXILIARY` and `REPORTED` are literals.
"""

import ast
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from ser.errors import InputError
from ser.plan.validation import RANGE

_TYPES = {"int": "integer", "float": "number", "bool": "boolean", "str": "string", "None": "null"}


@cache
def settings_schema(system_file: Path) -> dict[str, Any]:
    """JSON schema of the class `Settings` in `system_file`, inherited fields included.

    Raises InputError when the file has no such class or a field has a type that is not plain (int, float,
    bool, str, Literal, a union of these), or a number in a range: `Annotated[float, ">= 0", "< 1"]`.
    """
    properties = _fields(system_file, "Settings")
    return {
        "type": "object",
        "properties": properties,
        "required": sorted(properties),
        "additionalProperties": False,
        "$comment": f"a new one is a field of Settings in ser/systems/{system_file.name}",
    }


@cache
def declared_auxiliary(system_file: Path) -> Mapping[str, Mapping[str, Sequence[Any]]]:
    """`AUXILIARY` of `system_file` (ser/runs/auxiliary.py); empty where there is none.

    Raises InputError where it is not a literal.
    """
    found: Mapping[str, Mapping[str, Sequence[Any]]] = _constant(system_file, "AUXILIARY") or {}
    return found


def is_reported(system_file: Path) -> bool:
    """Whether the predictions of a system are files that other code made: `REPORTED = True` (ser/runs/contract.py).

    Raises InputError where it is not a literal.
    """
    return _constant(system_file, "REPORTED") is True


def has_attention(system_file: Path) -> bool:
    """Whether a system can say what its network attends to: by a function `attention` (prediction/explain.py)."""
    return any(isinstance(node, ast.FunctionDef) and node.name == "attention" for node in _tree(system_file).body)


def auxiliary_of(system_file: Path, settings: Mapping[str, Any]) -> str:
    """What runs with these `settings` classify besides the labels; "" where they classify nothing else."""
    declared = declared_auxiliary(system_file).items()
    return next((name for name, when in declared if all(settings.get(s) in values for s, values in when.items())), "")


def _constant(system_file: Path, name: str) -> Any:
    """The value of a constant of `system_file`; None where there is none. Raises InputError if it is computed."""
    for node in _tree(system_file).body:
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == [name]:
            try:
                return ast.literal_eval(node.value)
            except ValueError:
                raise InputError(
                    f"{system_file}: line {node.lineno}: {name} is computed: write its names and values"
                ) from None
    return None


@cache
def _tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"), str(file))


def _fields(file: Path, class_name: str) -> dict[str, Any]:
    tree = _tree(file)
    definition = next((n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == class_name), None)
    if definition is None:
        return _imported_fields(file, tree, class_name)
    fields: dict[str, Any] = {}
    for base in definition.bases:
        fields |= _fields(file, ast.unparse(base))
    for node in definition.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            fields[node.target.id] = _type_schema(node.annotation, file)
    return fields


def _imported_fields(file: Path, tree: ast.Module, class_name: str) -> dict[str, Any]:
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module and class_name in {a.name for a in node.names}:
            root = next(parent for parent in file.resolve().parents if (parent / "ser").is_dir())
            return _fields(root.joinpath(*node.module.split(".")).with_suffix(".py"), class_name)
    raise InputError(f"{file}: no class {class_name}: a system needs a dataclass Settings (docs/architecture.md)")


def _type_schema(annotation: ast.expr, file: Path) -> dict[str, Any]:
    text = ast.unparse(annotation)
    if text in _TYPES:
        return {"type": _TYPES[text]}
    if isinstance(annotation, ast.BinOp) and isinstance(annotation.op, ast.BitOr):
        return {"anyOf": [_type_schema(annotation.left, file), _type_schema(annotation.right, file)]}
    if isinstance(annotation, ast.Subscript) and ast.unparse(annotation.value) == "Literal":
        values = annotation.slice.elts if isinstance(annotation.slice, ast.Tuple) else [annotation.slice]
        return {"enum": [ast.literal_eval(value) for value in values]}
    if isinstance(annotation, ast.Subscript) and ast.unparse(annotation.value) == "Annotated":
        return _range_schema(annotation.slice, file)
    raise InputError(
        f"{file}: line {annotation.lineno}: {text} is not a plain type: use int, float, bool, str, Literal, "
        'Annotated[float, ">= 0", "< 1"]'
    )


def _range_schema(annotated: ast.expr, file: Path) -> dict[str, Any]:
    """Of a number and its limits."""
    number, *limits = annotated.elts if isinstance(annotated, ast.Tuple) else [annotated]
    schema = _type_schema(number, file)
    for limit in map(ast.literal_eval, limits):
        sign, _, value = str(limit).partition(" ")
        if sign not in RANGE:
            raise InputError(f"{file}: line {number.lineno}: {limit!r} is not a limit: begin with {', '.join(RANGE)}")
        schema[RANGE[sign]] = ast.literal_eval(value)
    return schema
