// The table of all numbers: DataTables sorts and pages, the form above it filters.
const { columns, lines } = await unpack("table");
const at = Object.fromEntries(columns.map((name, position) => [name, position]));
const records = lines.map((line) => Object.fromEntries(columns.map((name, i) => [name, line[i]])));
for (const record of records) record.protocol = record.run_group.split("/")[2];

// What is computed comes first, and of a number's averagings the protocol's own.
const numberOf = (record) => [record.run_group, record.folds, record.metric].join("\n");
const places = new Map();
for (const record of records) if (!places.has(numberOf(record))) places.set(numberOf(record), places.size);
records.sort((one, other) => (one.value === "") - (other.value === "")
  || places.get(numberOf(one)) - places.get(numberOf(other)) || other.own - one.own);

const TITLES = { experiment: "paper", selection: "selection rule", evidence: "evidence" };
const SHOWN = [
  ["experiment"], ["title", "row"], ["corpus"], ["protocol"], ["selection"], ["metric"],
  ["claim", "claim", true], ["evidence"], ["value", "value", true], ["interval", "95 % interval"],
  ["verdict"], ["status"],
];

function interval(record) {
  return record.ci_low === "" ? "" : `${record.ci_low} to ${record.ci_high}`;
}

function shown(name, record) {
  if (name === "interval") return interval(record);
  if (name === "title") {
    const part = record.folds.startsWith("official: ") ? `, ${record.folds.slice(10)}` : "";
    return element("span", {}, record.title,
      element("small", {}, breakable(`${record.row}, ${record.own ? "" : "also "}${record.aggregation}${part}`)),
      element("small", { class: "narrow" }, breakable(`${record.experiment}, ${record.protocol}, ${record.selection}`)));
  }
  if (name === "value") {
    const text = record.value || record.status;
    const about = `${record.metric} of ${record.title}, ${record.protocol}, ${record.selection}`;
    return element("button", { type: "button", "data-cell": record.cell, "aria-label": `${text}: where ${about}, comes from` },
      text);
  }
  if (name === "evidence") return record.evidence ? element("span", { class: `tier ${record.evidence}` }, record.evidence) : "";
  return breakable(record[name]);
}

// DataTables takes texts for HTML, so what is displayed are elements, and only what is sorted by are texts.
function column([name, title, isNumber]) {
  return {
    title: title ?? TITLES[name] ?? name,
    name,
    className: `column-${name}` + (isNumber ? " number" : ""),
    type: isNumber ? "num" : "string",
    data: null,
    render: (record, kind) => {
      if (kind === "display") return shown(name, record);
      if (kind === "filter") return ""; // DataTables would parse it as HTML; the form filters
      const text = name === "interval" ? record.ci_low : record[name];
      return isNumber || name === "interval" ? (text === "" ? -Infinity : Number(text)) : `${text}`;
    },
  };
}

const form = document.getElementById("filters");
const selects = [...form.querySelectorAll("select")];
const words = document.getElementById("words");
const claimed = document.getElementById("claimed");
for (const select of selects) {
  const values = new Set(records.map((record) => record[select.dataset.column]));
  for (const value of [...values].sort()) select.append(element("option", { value }, value));
}
const haystacks = records.map((record) =>
  [record.cell, record.title, record.labels, record.table, record.claim_source, record.note, record.verdict].join(" ").toLowerCase());

function matches(record, position) {
  return selects.every((select) => !select.value || record[select.dataset.column] === select.value)
    && (!claimed.checked || record.claim !== "")
    && words.value.toLowerCase().split(/\s+/).every((word) => haystacks[position].includes(word));
}

const table = new window.tables.default("#table", {
  data: records,
  columns: SHOWN.map(column),
  order: [],
  pageLength: 25,
  deferRender: true,
  createdRow: (row, record) => row.classList.toggle("also", !record.own),
  autoWidth: false,
  layout: { topStart: null, topEnd: null, bottomStart: "pageLength", bottomEnd: "paging" },
  language: { lengthMenu: "lines on a page: _MENU_", emptyTable: "no number is planned", zeroRecords: "no line has all of this" },
});
table.search.fixed("form", (_, record, position) => matches(record, position));

function filter() {
  table.draw();
  const shown = table.rows({ search: "applied" }).data().toArray();
  const computed = shown.filter((record) => record.value !== "").length;
  document.getElementById("count").textContent = `${shown.length} of ${records.length} lines` +
    (computed < shown.length ? `, ${computed} computed` : "");
}

form.addEventListener("input", filter);
form.addEventListener("reset", () => setTimeout(filter));
form.addEventListener("submit", (event) => event.preventDefault());
filter();
