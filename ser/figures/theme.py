"""How figures look: one configuration of Vega-Lite for each background, applied where a figure is drawn.

Colours are of the palette of Okabe and Ito (2008), which colour-blind readers can tell apart. None carries a meaning
alone: a shape, a dash or a number says the same in black and white.
"""

from typing import Any

BLUE, ORANGE, GREEN = "#0072B2", "#E69F00", "#009E73"
VERMILLION, PURPLE, GREY = "#D55E00", "#CC79A7", "#767676"
SKY = "#56B4E9"  # as a background: black on it has a contrast of 7 to 1

FONT = "Helvetica Neue, Helvetica, Arial, Liberation Sans, sans-serif"
_SIZE = 12  # of the smallest text, in pixels


def config(dark: bool = False, font: str = FONT) -> dict[str, Any]:
    """The configuration for a light or a dark background, which itself stays transparent."""
    text, line, grid = ("#e8e8e8", "#b0b0b0", "#3c3c3c") if dark else ("#1a1a1a", "#5c5c5c", "#e3e3e3")
    back = "#14181d" if dark else "#ffffff"  # of the report's page
    return {
        "background": None,
        "font": font,
        "view": {"stroke": None},
        "title": {
            "anchor": "start",
            "frame": "bounds",
            "color": text,
            "fontSize": _SIZE + 1,
            "subtitleColor": text,
            "subtitleFontSize": _SIZE,
            "subtitleFontStyle": "italic",
            "subtitlePadding": 4,
            "offset": 8,
        },
        "axis": {
            "labelColor": text,
            "titleColor": text,
            "labelFontSize": _SIZE,
            "titleFontSize": _SIZE,
            "titleFontWeight": "normal",
            "domainColor": line,
            "tickColor": line,
            "gridColor": grid,
            "labelLimit": 140,
        },
        "legend": {
            "orient": "bottom",
            "columns": 2,
            "labelColor": text,
            "titleColor": text,
            "labelFontSize": _SIZE,
            "titleFontSize": _SIZE,
            "titleFontWeight": "normal",
            "labelLimit": 320,
            "symbolSize": 80,
        },
        "text": {"color": text, "fontSize": _SIZE},
        "style": {"halo": {"stroke": back, "strokeWidth": 4}},  # below text: keeps the grid off it
        "rule": {"color": line},
        "tick": {"color": text},
        "point": {"filled": True, "size": 80, "opacity": 1},
        "line": {"strokeWidth": 2},
    }
