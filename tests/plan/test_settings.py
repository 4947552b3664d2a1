"""Settings of systems: their ranges, read without importing them, hold while the plan is made."""

from pathlib import Path

import pytest

from helpers import ROOT
from helpers.plans import SYSTEM, changed, plan
from ser.errors import InputError
from ser.plan.settings import settings_schema
from ser.plan.validation import validate

# Those of a user may have numbers of any size.
PUBLISHED = ("area_attention", "attention_fcn", "ca_mser", "emosphere_ser", "functionals_svm", "light_sernet")
PUBLISHED += ("linear_probe", "mfhca", "tf_transformer")


@pytest.mark.parametrize(
    ("system", "setting", "value", "limits"),
    [
        ("mfhca", "dropout", 1.5, ">= 0 and < 1"),
        ("mfhca", "dropout", 1, ">= 0 and < 1"),
        ("mfhca", "learning_rate", 0, "> 0"),
        ("mfhca", "epochs", 0, ">= 1"),
        ("ca_mser", "label_smoothing", -0.1, ">= 0 and < 1"),
        ("attention_fcn", "segment_overlap", 1.0, ">= 0 and < 1"),
        ("area_attention", "test_hop", 0.0, ">= 0.025"),
        ("light_sernet", "decay_every", 0, ">= 1"),
        ("emosphere_ser", "region_floor", 1.01, ">= 0 and <= 1"),
        ("functionals_svm", "C", 0.0, "> 0"),
    ],
)
def test_a_value_out_of_range_is_refused(system: str, setting: str, value: float, limits: str) -> None:
    schema = settings_schema(ROOT / "ser" / "systems" / f"{system}.py")
    with pytest.raises(InputError) as error:
        validate({setting: value}, schema | {"required": []}, "rows.x")
    assert str(error.value) == f"rows.x: {setting}: {value} is out of range: it must be {limits}"


def test_every_number_of_a_system_has_a_range() -> None:
    systems = [ROOT / "ser" / "systems" / f"{system}.py" for system in PUBLISHED]
    for file in [*systems, ROOT / "ser" / "scaffold" / "template.py"]:
        schema = settings_schema(file)
        for name, of in schema["properties"].items():
            assert of.get("type") not in ("integer", "number") or {"minimum", "exclusiveMinimum"} & {*of}, name


def test_a_range_is_refused_while_planning_and_its_edges_are_not(project: Path) -> None:
    system = SYSTEM.replace("rate: float", 'rate: Annotated[float, "> 0", "<= 1"]')
    (project / "ser/systems/net.py").write_text(system)
    plan(project, changed("settings.rate.value", 1))
    for value in (0, 1.5):
        with pytest.raises(InputError, match=f"settings of net: rate: {value} is out of range: it must be > 0 and <= "):
            plan(project, changed("settings.rate.value", value))


def test_a_limit_that_is_none_is_named_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "net.py"
    file.write_text('class Settings:\n    rate: Annotated[float, "=> 0"]\n')
    with pytest.raises(InputError, match="net.py: line 2: '=> 0' is not a limit: begin with >=, >, <=, <"):
        settings_schema(file)
