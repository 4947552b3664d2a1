// What the page holds: compressed JSON in elements named data-..., unpacked when it is first asked for.
const unpacked = new Map();

async function unpack(name) {
  if (!unpacked.has(name)) {
    const packed = atob(document.getElementById(`data-${name}`).textContent);
    const bytes = Uint8Array.from(packed, (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    unpacked.set(name, new Response(stream).json());
  }
  return unpacked.get(name);
}

// An element with attributes and children; texts are only ever texts.
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== null) made.setAttribute(name, value);
  }
  made.append(...children.flat(Infinity));
  return made;
}

// A name that may be broken after its underscores and strokes.
function breakable(text) {
  return element("span", {}, text.split(/(?<=[_/])/).flatMap((part, i) => (i ? [element("wbr"), part] : [part])));
}

function tableOf(header, rows, attributes = {}) {
  const head = header.map((name) => element("th", { scope: "col" }, name));
  const body = rows.map((row) => element("tr", {}, row.map((text) => element("td", {}, text))));
  return element("table", { class: "plain", ...attributes },
    element("thead", {}, element("tr", {}, head)), element("tbody", {}, body));
}
