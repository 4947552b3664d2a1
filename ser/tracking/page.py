"""MLflow's server with a first page of our own, `/ser`: `mlflow server --app-name ser` finds it by its entry point.

MLflow opens with pages for language models until its switch to model training is used, which the browser keeps, and its
lists of runs show no metric until columns are chosen. This page sets the switch, and leads to the lists as they were
prepared (workflow_scripts/_mlflow_view.py).
"""

from mlflow.server import app as pages
from mlflow.server.fastapi_app import app

__all__ = ["app"]

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Runs</title>
<style>
body { font: 1rem/1.5 sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; }
li { margin: .5rem 0; }
</style>
<script type="module">
localStorage.setItem("mlflow.workflowType_v1", '"machine_learning"');
localStorage.setItem("mlflow.assistant.fab.autoOpenedOnFirstLoad_v1", "true"); // its panel: closed until it is wanted
const view = "mlflow.sharedViewState.";
const search = {method: "POST", headers: {"Content-Type": "application/json"}, body: '{"max_results": 1000}'};
const {experiments = []} = await (await fetch("ajax-api/2.0/mlflow/experiments/search", search)).json();
experiments.sort((a, b) => a.name.localeCompare(b.name));
for (const {experiment_id, name, tags = []} of experiments) {
  const title = tags.find(({key}) => key === "mlflow.note.content")?.value ?? "";
  for (const {key} of tags.filter(({key}) => key.startsWith(view))) {
    const link = document.createElement("a");
    link.textContent = `${name}, scale ${key.slice(view.length)}`;
    link.href = `./#/experiments/${experiment_id}/runs?viewStateShareKey=${key.slice(view.length)}`;
    const item = document.createElement("li");
    item.append(link, document.createElement("br"), title);
    document.querySelector("ul").append(item);
  }
}
</script>
</head>
<body>
<h1>Runs</h1>
<ul></ul>
<p><a href="./#/experiments">All experiments</a></p>
</body>
</html>
"""


@pages.route("/ser")
def first_page() -> str:
    """The page; a browser fills its list."""
    return PAGE
