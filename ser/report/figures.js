// Figures: each is drawn by Vega when it is first looked at. Where a section has many, one of them is chosen.
const MANY = 3;
const themes = await unpack("themes");
const scheme = matchMedia("(prefers-color-scheme: dark)");

async function draw(figure, place) {
  const spec = structuredClone((await unpack(`figures-${figure.section}`))[figure.name]);
  if (spec.title) spec.title = { ...spec.title, text: spec.title.subtitle ?? "", subtitle: "" }; // the heading says the rest
  const theme = scheme.matches ? "dark" : "light";
  await window.vegaEmbed(place, spec, {
    renderer: "svg", actions: false, mode: "vega-lite", config: themes[theme], logLevel: 1, // errors
  });
  place.classList.toggle("dark", theme === "dark");
  const svg = place.querySelector("svg"); // one image with one text; its data are in the table below it
  for (const inner of [svg, ...svg.querySelectorAll("*")]) {
    for (const attribute of ["role", "aria-roledescription", "aria-label"]) inner.removeAttribute(attribute);
  }
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", `${figure.title}. ${figure.caption}`);
}

// All data of a specification, wherever its layers and panels have it.
function dataOf(spec, found = []) {
  if (Array.isArray(spec)) spec.forEach((inner) => dataOf(inner, found));
  else if (spec && typeof spec === "object") {
    if (Array.isArray(spec.data?.values)) found.push(spec.data.values);
    for (const values of Object.values(spec.datasets ?? {})) found.push(values);
    for (const key of ["layer", "hconcat", "vconcat", "concat", "spec"]) if (spec[key]) dataOf(spec[key], found);
  }
  return found;
}

async function dataTables(figure) {
  const spec = (await unpack(`figures-${figure.section}`))[figure.name];
  return dataOf(spec).filter((rows) => rows.length).map((rows) => {
    const header = [...new Set(rows.flatMap(Object.keys))];
    const texts = rows.map((row) => header.map((name) => `${row[name] ?? ""}`));
    return scrolling(`data of ${figure.title}`, tableOf(header, texts));
  });
}

async function save(figure, kind) {
  const spec = { ...(await unpack(`figures-${figure.section}`))[figure.name], background: "white" };
  if (spec.width === "container") spec.width = 640;
  const { view } = await window.vegaEmbed(element("div"), spec, { mode: "vega-lite", config: themes.light });
  const address = await view.toImageURL(kind, 2);
  element("a", { href: address, download: `${figure.name}.${kind}` }).click();
}

function figureElement(figure) {
  const place = element("div", { class: "plot" });
  const data = element("details", {}, element("summary", {}, "Data as a table"));
  data.addEventListener("toggle", async () => {
    if (data.open && data.childElementCount === 1) data.append(...await dataTables(figure));
  });
  const saves = ["svg", "png"].map((kind) => element("button", { type: "button", onclick: () => save(figure, kind),
    "aria-label": `save ${figure.title} as ${kind.toUpperCase()}` }, kind.toUpperCase()));
  const shown = element("figure", { id: `figure-${figure.name}` },
    element("h3", { tabindex: "-1" }, breakable(figure.title)),
    element("div", { class: "scroll", role: "region", "aria-label": figure.title, tabindex: "0" }, place),
    element("figcaption", {}, breakable(figure.caption)),
    element("div", { class: "tools" }, data, saves));
  shown.draw = () => (shown.promise ??= draw(figure, place));
  shown.redraw = () => shown.promise && (shown.promise = draw(figure, place));
  watcher.observe(shown);
  return shown;
}

const watcher = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (entry.isIntersecting) {
      watcher.unobserve(entry.target);
      entry.target.draw();
    }
  }
}, { rootMargin: "200px" });

scheme.addEventListener("change", () => {
  for (const shown of document.querySelectorAll("section.figures figure")) shown.redraw();
});

const choosers = new Map(); // section -> what shows one of its figures

// What all titles begin with tells nothing apart.
function shared(titles) {
  const [first] = titles;
  let length = 0;
  while (length < first.length && titles.every((title) => title[length] === first[length])) length += 1;
  return first.slice(0, length).search(/\S*$/);
}

function chooser(section, figures) {
  const select = element("select", {});
  const cut = shared(figures.map((figure) => figure.title));
  const byGroup = Map.groupBy?.(figures, (figure) => figure.groups[0]?.split("/")[0] ?? "") ?? new Map([["all", figures]]);
  for (const [name, some] of byGroup) {
    select.append(element("optgroup", { label: name }, some.map((figure) => element("option", { value: figure.name }, figure.title.slice(cut)))));
  }
  const place = element("div");
  const show = (name) => {
    select.value = name;
    place.replaceChildren(figureElement(figures.find((figure) => figure.name === name)));
  };
  select.addEventListener("change", () => show(select.value));
  section.append(element("label", { class: "chooser" }, `one of ${figures.length} figures: `, select), place);
  choosers.set(section.id, show);
  show(figures[0].name);
}

for (const section of document.querySelectorAll("section.figures")) {
  const figures = (await unpack("figures")).filter((figure) => figure.section === section.id);
  if (figures.length > MANY) chooser(section, figures);
  else section.append(...figures.map(figureElement));
}

async function showFigure(figure) {
  choosers.get(figure.section)?.(figure.name);
  const shown = document.getElementById(`figure-${figure.name}`);
  await shown.draw();
  shown.scrollIntoView({ block: "start" });
  shown.querySelector("h3").focus({ preventScroll: true });
}

document.getElementById("draw-all").addEventListener("click", async (event) => {
  await Promise.all([...document.querySelectorAll("section.figures figure")].map((figure) => figure.draw()));
  event.target.textContent = "All figures are drawn";
});
