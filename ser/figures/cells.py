"""The form of tables whose cells are shaded: each has its number, so that nothing hangs on the shade."""

from functools import lru_cache
from typing import Any

import altair as alt

from ser.figures.spec import Rows, drawn, form
from ser.figures.theme import SKY


def cells(
    scale: str, title: str, rows: Rows, fields: tuple[str, str], titles: tuple[str, str], of_row: bool, step: int
) -> dict[str, Any]:
    """The specification of a table; each of `rows` is a cell with its count `n`, and has two `fields`, of columns and
    of lines, whose `titles` the axes have. The shade is the count's share of its line (`of_row`), which is then in the
    cell as well, or of the largest count. `step`: the height of a line, in pixels.
    """
    n_lines = len({row[fields[1]] for row in rows})
    return drawn(_form(fields, titles, of_row), scale, title, rows, step * n_lines)


@lru_cache(maxsize=8)
def _form(fields: tuple[str, str], titles: tuple[str, str], of_row: bool) -> dict[str, Any]:
    columns, lines = fields
    angle = alt.Axis(title=titles[0], labelAngle=-40)
    ramp = alt.Scale(domain=[0, 1], range=["#ffffff", SKY], interpolate="rgb")
    boxes = alt.Chart().mark_rect(stroke="#b0b0b0", strokeWidth=0.5)
    boxes = boxes.encode(
        color=alt.Color("share:Q", scale=ramp, legend=None),
        tooltip=alt.Tooltip("says:N"),
        description=alt.Description("says:N"),
    )
    numbers = alt.Chart().mark_text(
        lineBreak="\n", baseline="middle", dy=-6 if of_row else 0, color="#1a1a1a", aria=False
    )
    chart = alt.layer(boxes, numbers.encode(text="text:N")).encode(
        x=alt.X(f"{columns}:N", sort=None, axis=angle),
        y=alt.Y(f"{lines}:N", sort=None, axis=alt.Axis(title=titles[1])),
    )
    text = "datum.n + '\\n' + format(datum.share, '.0%')" if of_row else "'' + datum.n"
    groupby: list[str | alt.FieldName] = [lines] if of_row else []
    chart = chart.transform_joinaggregate(total="sum(n)" if of_row else "max(n)", groupby=groupby)
    says = f"datum.{lines} + ', ' + datum.{columns} + ': ' + datum.n" + (
        " + ' (' + format(datum.share, '.1%') + ' of the row)'" if of_row else ""
    )
    return form(chart.transform_calculate(share="datum.total ? datum.n / datum.total : 0", text=text, says=says))
