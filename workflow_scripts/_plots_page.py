"""The frame of the page that `dvc plots` writes: DVC's own loads Vega from the web, this one brings it along."""

from pathlib import Path

from ser.outputs import write_text

PAGE = Path(".dvc/plots.html")  # plots.html_template in .dvc/config
# DVC puts the charts' specifications and their calls of vegaEmbed where it says plot_divs. Vega is a module, which a
# browser runs after all of them: until then calls are noted. A chart is drawn when it is looked at.
TEXT = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
{refresh_tag}
<title>Charts</title>
<style>
body { font-family: sans-serif; }
.chart { display: inline-block; min-width: 300px; min-height: 300px; margin: 8px; vertical-align: top; }
</style>
<script>
const charts = new Map();
function vegaEmbed(place, spec) {
  const chart = document.querySelector(place);
  chart.className = "chart";
  charts.set(chart, spec);
}
</script>
</head>
<body>
{plot_divs}
<script type="module">
VEGA
const seen = new IntersectionObserver(entries => {
  for (const entry of entries.filter(entry => entry.isIntersecting)) {
    seen.unobserve(entry.target);
    window.vegaEmbed(entry.target, charts.get(entry.target));
  }
});
for (const chart of charts.keys()) seen.observe(chart);
</script>
</body>
</html>
"""


def write_plots_page() -> None:
    """Write the frame, unless it is there with the installed Vega."""
    import vl_convert  # late: to put Vega together takes seconds

    made_by = f"<!-- vl-convert {vl_convert.__version__} -->\n"
    text = TEXT.replace("VEGA", "%s").replace("<html", made_by + "<html", 1)
    if not PAGE.is_file() or not PAGE.read_text(encoding="utf-8").startswith(text.partition("%s")[0]):
        write_text(PAGE, text.replace("%s", vl_convert.javascript_bundle()))
