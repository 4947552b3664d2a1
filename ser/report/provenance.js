// Where a number comes from: a dialog, opened by any element with `data-cell`, or by the address's #number=...
const dialog = document.getElementById("provenance");
const byCell = new Map(records.map((record) => [record.cell, record]));
const DIGITS = /^(\S+\/\S+)( .*)?$/;

function facts(pairs) {
  const shown = pairs.filter(([, value]) => value !== "" && value !== undefined);
  return element("dl", {}, shown.map(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));
}

function block(heading, ...content) {
  return element("section", {}, element("h3", {}, heading), ...content);
}

function list(lines) {
  return element("ul", { class: "names" }, lines.map((line) => element("li", {}, line)));
}

function scrolling(label, content) {
  return element("div", { class: "scroll", role: "region", "aria-label": label, tabindex: "0" }, content);
}

function aboutNumber(record, behind) {
  const part = record.folds.startsWith("official: ") ? record.folds.slice(10) : "";
  const spread = record.seed_std ? `${record.seed_std} over ${record.n_seeds} seeds` : "";
  const counts = record.value && `${record.n_utterances} utterances of ${record.n_speakers} speakers, folds ${record.n_folds}, seeds ${record.n_seeds}`;
  return facts([
    ["value", record.value || `not computed: ${behind.skipped || record.note}`],
    ["95 % interval", record.ci_low && `${interval(record)} (${record.ci_method})`],
    ["standard deviation", spread],
    ["claim", record.claim && `${record.claim}, ${record.claim_source}`],
    ["verdict", record.verdict],
    ["paper", behind.reference ? `${behind.paper}. ${behind.reference}` : behind.paper],
    ["corpus", `${record.corpus} (${record.subset}); ${record.labels}`],
    ["folds", `${record.folds}; ${record.aggregation}`],
    ["epoch", behind.chosen_by[part] ?? record.selection],
    ["counts", counts],
    ["women, men", record.women && record.men && `${record.women}, ${record.men}`],
    ["scale", record.scale],
    ["hashes", record.value && `protocol ${record.protocol_hash}, data ${record.data_hash}, code ${record.code_version}`],
    ["note", record.note],
  ]);
}

function runs(record, behind) {
  const part = record.folds.startsWith("official: ") ? record.folds.slice(10) : "";
  const rows = behind.runs.map(([seed, fold, epoch, epochs, sha256, metrics]) => [
    seed, fold, metrics[part]?.[record.metric] || "undefined", epochs ? `${epoch} of ${epochs}` : "none", sha256]);
  const header = ["seed", "fold", record.metric, "epoch", "SHA-256 of predictions.csv"];
  return [
    element("p", {}, `Below `, element("code", {}, behind.folder), "; together ",
      element("code", {}, behind.evaluation[0]), `, seal ${behind.evaluation[1]}.`),
    scrolling("runs", tableOf(header, rows.map((row) => row.map(String)))),
    list(behind.jobs),
  ];
}

function settings(behind) {
  const rows = behind.settings.map(([name, value, source]) => [name, value, element("span", { class: `tier ${source}` }, source)]);
  return scrolling("settings", tableOf(["setting", "value", "source"], rows));
}

async function figuresOf(group) {
  const found = (await unpack("figures")).filter((figure) => figure.groups.includes(group));
  const link = (figure) => element("a", { href: `#${figure.section}`, onclick: (event) => {
    event.preventDefault();
    dialog.close();
    showFigure(figure);
  } }, figure.title);
  return found.length ? element("ul", {}, found.map((figure) => element("li", {}, link(figure)))) : "";
}

// A link to what is shown; a page inside another one, as in Snakemake's report, has no address of its own.
function address(text) {
  try {
    history.replaceState(null, "", text);
  } catch {
    // the page works without
  }
}

async function open(cell) {
  const record = byCell.get(cell);
  if (!record) return;
  const behind = (await unpack("provenance"))[record.run_group];
  const content = element("div", { class: "inner" },
    element("h2", { id: "provenance-heading", tabindex: "-1" }, `${record.metric} of ${record.title}`),
    element("p", { class: "names" }, record.cell),
    aboutNumber(record, behind));
  const links = await figuresOf(record.run_group);
  if (links) content.append(block("Figures with these runs", links));
  if (behind.settings.length) content.append(block("Settings, and where each is from", settings(behind)));
  if (behind.runs) content.append(block("Runs", ...runs(record, behind)));
  for (const [heading, lines] of behind.sections ?? []) content.append(block(heading, list(lines)));
  content.append(element("p", {}, "The same in a terminal, with a check of all files: ",
    element("code", {}, `ser trace ${record.cell}`)));
  const close = element("button", { type: "button", onclick: () => dialog.close() }, "Close");
  dialog.replaceChildren(element("div", { class: "bar" }, close), content);
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
  address(`#number=${encodeURIComponent(cell)}`);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-cell]");
  if (button) open(button.dataset.cell);
  if (event.target === dialog) dialog.close(); // beside it
});
document.querySelector("#table tbody").addEventListener("click", (event) => {
  const record = !event.target.closest("button") && table.row(event.target.closest("tr")).data();
  if (record && !getSelection().toString()) open(record.cell);
});
dialog.addEventListener("close", () => address(location.pathname + location.search));

function openAddressed() {
  if (location.hash.startsWith("#number=")) open(decodeURIComponent(location.hash.slice(8)));
}

addEventListener("hashchange", openAddressed);
openAddressed();
