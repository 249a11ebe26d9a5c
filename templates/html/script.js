"use strict";
/* The report is complete without this script: it finds, orders, enlarges and marks, and asks
   nothing of any server. */
const root = document.documentElement;
const all = (place, selector) => [...place.querySelectorAll(selector)];
const byId = (id) => document.getElementById(id);
const modified = (event) => event.altKey || event.ctrlKey || event.metaKey;
const set = (element, values) => Object.entries(values)
  .forEach((pair) => element.setAttribute(...pair));
const on = (place, names, act) => names.split(" ")
  .forEach((name) => place.addEventListener(name, act));
function make(tag, text = "") {
  const element = document.createElement(tag);
  element.textContent = text;
  if (tag === "button") { element.type = "button"; }
  return element;
}
/* Texts stand in the page, in its language; {names} in them are numbers. */
const filled = (text, values) => text.replace(/\{(\w+)\}/g, (whole, name) => values[name]);

/* Theme: kept for the session where storage is allowed; elsewhere reading it throws. */
function stored(value) {
  try {
    if (value) { sessionStorage.setItem("concept-audit-theme", value); }
    return sessionStorage.getItem("concept-audit-theme");
  } catch (refused) { return null; }
}
const kept = stored();
if (["light", "dark"].includes(kept)) { root.dataset.theme = kept; }

function themes() {
  const button = byId("theme");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const other = () => ((root.dataset.theme ? root.dataset.theme === "dark" : dark.matches)
    ? "light" : "dark");
  const name = () => { button.textContent = button.dataset[other()]; };
  button.hidden = false;
  on(button, "click", () => {
    root.dataset.theme = stored(other()) || other();
    name();
  });
  on(dark, "change", name);
  name();
}

/* The address: #anchor?list.key=value&... A fragment reaches no server and is kept on reload. */
let state = new URLSearchParams();
const lists = [];

const address = () => location.hash.slice(1).split(/\?(.*)/s);
function writeAddress() {
  const query = state.toString();
  try {
    history.replaceState(null, "", "#" + address()[0] + (query ? "?" + query : ""));
  } catch (refused) { /* a viewer that forbids it only loses the memory */ }
}
let writing = 0;
function keep(key, value) {
  if (value) { state.set(key, value); } else { state.delete(key); }
  clearTimeout(writing);
  /* Browsers refuse an address that changes with every key. */
  writing = setTimeout(writeAddress, 150);
}
function unfold(target) {
  for (let fold = target?.closest("details"); fold; fold = fold.parentElement.closest("details")) { fold.open = true; }
}
const OUT = ".out, .off, .not";
function reveal(target) {
  const hidden = target.closest(OUT);
  lists.filter((list) => list.place?.contains(hidden)).forEach((list) => list.reset());
  unfold(target);
}
function arrive(moved) {
  const [anchor, query] = address();
  const bare = query === undefined;
  if (!bare) { state = new URLSearchParams(query); } else if (state.toString()) { writeAddress(); }
  lists.forEach((list) => list.restore());
  [...state.keys()].forEach((key) => unfold(byId(key.split(".")[0])));
  const target = byId(anchor);
  if (!target) { return; }
  const hidden = target.closest(OUT);
  const fold = target.closest("details");
  reveal(target);
  if (moved || hidden || fold || !bare) { target.scrollIntoView(); }
}

/* Lists: finding, choosing and ordering the rows of a table, or cards. */
const POINT = (1.1).toLocaleString(root.lang).charAt(1);
const GROUPS = POINT === "," ? /\.(?=\d{3})/g : /,(?=\d{3})/g;
function sortable(text) {
  const plain = text.trim().replace(GROUPS, "").replace(POINT, ".").replace(/\u2212/g, "-");
  const number = plain.match(/^[<±]?\s*(-?\d.*)/s);
  return number ? parseFloat(number[1]) : plain;
}
function compared(a, b) {
  const [first, second] = [a, b].map(Number.isFinite);
  if (first !== second) { return second - first; }
  return first ? a - b : a.localeCompare(b, undefined, { numeric: true });
}
const facet = (row, key) => row.closest("[data-" + key + "]")?.dataset[key] || "";
function reorder(rows, value, sign) {
  new Set(rows.map((row) => row.parentNode)).forEach((parent) => {
    const children = rows.filter((row) => row.parentNode === parent);
    if (value) { children.sort((a, b) => sign * compared(value(a), value(b))); }
    parent.append(...children);
  });
}

function makeList(bar) {
  const name = bar.dataset.list;
  const place = byId(name);
  const rows = all(place, "tbody tr, [data-row]");
  const controls = all(bar, "input, select");
  const by = bar.querySelector("[name=by]");
  const clear = bar.querySelector("button");
  const texts = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
  all(bar, "select:not([name=by])").forEach((control) => {
    const values = new Set(rows.map((row) => facet(row, control.name)).filter(Boolean));
    control.parentNode.hidden = values.size < 2;
    control.append(...[...values].sort(compared).map((value) => make("option", value)));
  });
  const fits = (row, control) => (control.name === "q"
    ? texts.get(row).includes(control.value.trim().toLowerCase())
    : facet(row, control.name) === control.value);
  function apply() {
    const wanted = controls.filter((control) => control.value.trim() && control !== by);
    const left = rows.filter((row) => wanted.every((control) => fits(row, control)));
    rows.forEach((row) => row.classList.toggle("out", !left.includes(row)));
    all(place, "[data-group]").forEach((group) => {
      group.classList.toggle("out", wanted.length > 0 && !left.some((row) => group.contains(row)));
    });
    if (by) { reorder(rows, by.value && ((row) => -(row.dataset[by.value] || -Infinity)), 1); }
    clear.hidden = !wanted.length && !by?.value;
    bar.querySelector("output").textContent = wanted.length
      ? filled(bar.dataset.shown, { few: left.length, all: rows.length }) : "";
  }
  on(bar, "input", (event) => {
    apply();
    keep(name + "." + event.target.name, event.target.value.trim());
  });
  function restore() {
    controls.forEach((control) => { control.value = state.get(name + "." + control.name) || ""; });
    apply();
  }
  function reset() {
    controls.forEach((control) => keep(name + "." + control.name, ""));
    restore();
  }
  on(clear, "click", () => { reset(); controls[0].focus(); });
  bar.hidden = false;
  lists.push({ place, reset, restore });
}

/* Tables whose headings order them: up, down, and back to the report's order. */
function makeSortable(table, at) {
  const name = table.id || "table" + at;
  const rows = all(table, "tbody tr");
  const heads = all(table, "thead th");
  if (rows.length < 2) { return; }
  function order(column, sign) {
    heads.forEach((head) => head.removeAttribute("aria-sort"));
    if (sign) { set(heads[column], { "aria-sort": sign > 0 ? "ascending" : "descending" }); }
    reorder(rows, sign && ((row) => {
      const cell = row.cells[column];
      return cell ? sortable(cell.dataset.order || cell.textContent) : "";
    }), sign);
  }
  heads.forEach((head, column) => {
    if (all(head, ".hidden")[0]) { return; }
    const button = make("button");
    button.className = "by";
    button.append(...head.childNodes);
    head.append(button);
    on(button, "click", () => {
      const now = head.getAttribute("aria-sort");
      const sign = now === "ascending" ? -1 : now === "descending" ? 0 : 1;
      order(column, sign);
      keep(name + ".column", sign ? String(sign * (column + 1)) : "");
    });
  });
  lists.push({
    restore() {
      const value = Number(state.get(name + ".column")) || 0;
      const column = Math.abs(value) - 1;
      if (heads[column] || table.querySelector("[aria-sort]")) { order(column, Math.sign(value)); }
    },
  });
}

/* One tab stop for many neighbours; the arrow keys go to the nearest one on that side. */
const SIDES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
function rove(items, event) {
  const side = SIDES[event.key];
  if (!side || modified(event)) { return; }
  const from = event.target.closest("[tabindex], a").getBoundingClientRect();
  let best;
  let least = Infinity;
  items.forEach((item) => {
    const box = item.getBoundingClientRect();
    const x = box.left + box.width / 2 - from.left - from.width / 2;
    const y = box.top + box.height / 2 - from.top - from.height / 2;
    const along = side[0] * x + side[1] * y;
    const far = along + 3 * Math.abs(side[1] * x + side[0] * y);
    if (along > 2 && far < least) { best = item; least = far; }
  });
  if (!best) { return; }
  event.preventDefault();
  items.forEach((item) => set(item, { tabindex: item === best ? 0 : -1 }));
  best.focus();
}

/* Graphs and maps: the node under the pointer or in focus, with what belongs to it, stays lit. */
function explore(graph) {
  const nodes = all(graph, ".node");
  function light(node) {
    all(graph, ".lit").forEach((element) => element.classList.remove("lit"));
    graph.classList.toggle("dim", !!node);
    if (!node) { return; }
    const { node: own, group } = node.dataset;
    const related = new Set([own]);
    all(graph, ".edge").forEach((edge) => {
      const ends = [edge.dataset.from, edge.dataset.to];
      if (!ends.includes(own)) { return; }
      edge.classList.add("lit");
      ends.forEach(related.add, related);
    });
    nodes.forEach((other) => {
      const grouped = group && group === other.dataset.group;
      if (grouped || related.has(other.dataset.node)) { other.classList.add("lit"); }
    });
  }
  nodes.forEach((node, at) => set(node, { tabindex: at ? -1 : 0 }));
  on(graph, "pointerover focusin", (event) => light(event.target.closest(".node")));
  on(graph, "pointerleave focusout", () => light(null));
  on(graph, "keydown", (event) => {
    if (event.key === "Escape") { light(null); }
    rove(nodes, event);
  });
}

/* Enlarged pictures: arrows go along the row, keys switch between the views of one thing. */
const ROWS = ".crops, .strip, .triplet, .units, .local-concepts, ";
const STOPS = ROWS + ".atlas-pictures, .local-pictures";
const PICTURE = "img, svg.pic";
const LINES = ROWS + ".atlas-class, .part-local";
const SHOWN = "figure img, figure svg.pic, .plane-figure img, .calibration-figure img";
function enlarge() {
  const viewer = byId("viewer");
  const switches = byId("viewer-views");
  const where = byId("viewer-place");
  const steps = [byId("viewer-back"), byId("viewer-next")];
  let row = [];
  let at = 0;
  let view = 0;
  let wanted = "";
  const kindOf = (picture) => picture.dataset.view || "";
  const nameOf = (picture) => switches.dataset[kindOf(picture)] || "";
  const thing = (picture) => picture.closest("[data-views]") || picture;
  const pictures = (item) => (item.matches(PICTURE) ? [item] : all(item, PICTURE));
  function show() {
    const shown = pictures(row[at]);
    const picture = shown[view];
    const copy = picture.cloneNode(true);
    ["tabindex", "aria-haspopup"].forEach((key) => copy.removeAttribute(key));
    set(copy, { role: "img", class: picture.classList.contains("drawing") ? "drawing" : "" });
    byId("viewer-picture").replaceChildren(copy);
    const caption = picture.closest("figure")?.querySelector("figcaption")?.textContent;
    byId("viewer-text").textContent = [copy.getAttribute("alt") || copy.getAttribute("aria-label"),
      caption?.trim().replace(/\s+/g, " ")].filter(Boolean).join(". ");
    where.textContent = filled(where.dataset.text, { at: at + 1, all: row.length });
    const many = shown.length > 1 && shown.every(kindOf);
    switches.hidden = !many;
    switches.replaceChildren(...(many ? shown : []).map((one, place) => {
      const name = nameOf(one);
      const button = make("button", name + " (" + name[0].toLowerCase() + ")");
      set(button, { "aria-pressed": place === view });
      on(button, "click", () => {
        turn(place);
        switches.children[place].focus();
      });
      return button;
    }));
    steps.forEach((button) => { button.disabled = row.length < 2; });
  }
  function turn(place) {
    view = place;
    wanted = kindOf(pictures(row[at])[view]);
    show();
  }
  function move(step) {
    at = (at + step + row.length) % row.length;
    view = Math.max(0, pictures(row[at]).map(kindOf).indexOf(wanted));
    show();
  }
  function open(picture) {
    const own = thing(picture);
    const line = picture.closest(LINES);
    const found = line ? all(line, "[aria-haspopup]").map(thing) : [own];
    row = [...new Set(found)].filter((item) => item.tagName === own.tagName
      && item.getAttribute("class") === own.getAttribute("class"));
    at = row.indexOf(own);
    turn(Math.max(0, pictures(own).indexOf(picture)));
    viewer.showModal();
  }
  on(viewer, "keydown", (event) => {
    if (modified(event)) { return; }
    if (SIDES[event.key]?.[0]) { move(SIDES[event.key][0]); }
    const shown = pictures(row[at]);
    const next = shown.map((one, step) => (view + step + 1) % shown.length)
      .find((place) => nameOf(shown[place]).toLowerCase()[0] === event.key.toLowerCase());
    if (next !== undefined) { turn(next); }
  });
  steps.forEach((button, place) => on(button, "click", () => move(2 * place - 1)));
  on(viewer, "click", (event) => {
    if ([viewer, byId("viewer-close")].includes(event.target)) { viewer.close(); }
  });

  const main = document.querySelector("main");
  let last = null;
  all(main, SHOWN).forEach((picture) => {
    const home = picture.closest(STOPS);
    const tabindex = home && home === last ? -1 : 0;
    set(picture, { role: "button", "aria-haspopup": "dialog", tabindex });
    last = home;
  });
  const pressed = (event) => event.target.closest?.("[aria-haspopup]");
  on(main, "click keydown", (event) => {
    const picture = pressed(event);
    if (!picture) { return; }
    if ([undefined, "Enter", " "].includes(event.key)) { event.preventDefault(); open(picture); }
    const home = picture.closest(STOPS);
    if (home) { rove(all(home, "[aria-haspopup]"), event); }
  });
}

/* Decisions become a decisions file. Its entries are JSON, which YAML reads. */
function decide() {
  const box = byId("decisions-kept");
  if (!box) { return; }
  const part = (place, name) => place.querySelector("[name=" + name + "]");
  const given = (place, name) => part(place, name)?.value.trim() || "";
  const rows = all(document, "[data-entry]");
  const answer = (row) => row.querySelector("input:checked")?.value;
  const say = (text, field) => {
    box.querySelector("output").textContent = text;
    field?.focus();
  };
  const day = (row) => (["accept", "mitigate"].includes(answer(row)) && given(row, "expires")) || undefined;
  const why = (row) => given(row, "reason") || given(box, "reason") || box.dataset[answer(row)];
  const entry = (row) => "  - " + JSON.stringify({
    what: answer(row),
    ...JSON.parse(row.dataset.entry),
    reason: why(row),
    person: given(box, "person"),
    date: new Date().toLocaleDateString("sv"),
    expires: day(row),
  });
  function save() {
    const made = rows.filter(answer);
    const open = made.find((row) => !why(row) || (answer(row) === "accept" && !day(row)));
    if (!made.length) { return say(box.dataset.nothing); }
    if (open) { return say(box.dataset.missing, part(open, why(open) ? "expires" : "reason")); }
    if (!given(box, "person")) { return say(box.dataset.nobody, part(box, "person")); }
    const text = ["version: 1", "decisions:", ...made.map(entry), ""].join("\n");
    const link = make("a");
    set(link, { href: URL.createObjectURL(new Blob([text])), download: "decisions.yaml" });
    link.click();
    const shown = box.querySelector("pre");
    shown.textContent = text;
    shown.hidden = false;
    return say(filled(box.dataset.saved, { count: made.length }));
  }
  const every = part(box, "all");
  if (every) {
    on(every, "click", () => rows.filter((row) => row.matches(".cue") && !answer(row))
      .forEach((row) => { row.querySelector("input").checked = true; }));
  }
  const counter = byId("decided");
  on(document, "change click", () => {
    const made = rows.filter(answer).length;
    counter.hidden = !made;
    counter.textContent = filled(counter.dataset.text, { count: made });
  });
  on(part(box, "save"), "click", save);
  box.hidden = false;
}

/* The bar that stays: one view, one class alone. What is hidden by it comes back when it is led to. */
const KEPT = { part: "view.part", name: "view.class" };
function views() {
  const bar = document.querySelector(".views");
  const only = bar.querySelector("select");
  const links = all(bar, "[data-only]");
  const parts = all(document, "main [data-part]");
  const named = all(document, "main [data-class]");
  function restore() {
    const part = state.get(KEPT.part) || "";
    const name = state.get(KEPT.name) || "";
    only.value = name;
    parts.forEach((each) => each.classList.toggle("off", !!part && each.dataset.part !== part));
    named.forEach((each) => {
      const own = [each.dataset.class, each.dataset.also].includes(name);
      each.classList.toggle("not", !!name && !own);
    });
    links.forEach((link) => set(link, { "aria-current": link.dataset.only === part }));
    if (part === "technical") { parts.forEach((each) => { each.open = true; }); }
  }
  function reset() {
    Object.values(KEPT).forEach((key) => keep(key, ""));
    restore();
  }
  links.forEach((link) => on(link, "click", (event) => {
    event.preventDefault();
    keep(KEPT.part, link.dataset.only);
    restore();
    scrollTo(0, 0);
  }));
  on(only, "change", () => {
    keep(KEPT.name, only.value);
    restore();
  });
  lists.push({ place: { contains: (hidden) => !!hidden?.closest(".off, .not") }, reset, restore });
  only.parentNode.hidden = only.options.length < 3;
  byId("looking").hidden = false;
  seek(bar.querySelector("input"), bar.querySelector("output"), byId("found"));
}

/* Finding anything: the innermost places that hold the words, each with its section. */
const BLOCKS = ["h2", "h3", "h4", "p", "li", "td", "th", "dd", "dt", "figcaption", "summary"]
  .map((name) => "main " + name).join(", ");
const MOST = 40;
function seek(field, count, found) {
  const plain = (element) => element.textContent.replace(/\s+/g, " ").trim();
  let blocks;
  function go(place) {
    reveal(place);
    all(document, ".found").forEach((each) => each.classList.remove("found"));
    place.classList.add("found");
    set(place, { tabindex: -1 });
    place.scrollIntoView({ block: "center" });
    place.focus({ preventScroll: true });
    found.hidden = true;
  }
  function line([place, text], wanted) {
    const at = Math.max(0, text.toLowerCase().indexOf(wanted) - 30);
    const item = make("li");
    const button = make("button", (at ? "…" : "") + text.slice(at, at + 90));
    const section = place.closest("section")?.querySelector("h2");
    const where = make("span", section ? plain(section) : "");
    where.className = "sub";
    button.append(where);
    on(button, "click", () => go(place));
    item.append(button);
    return item;
  }
  function search() {
    const wanted = field.value.trim().toLowerCase();
    blocks ||= all(document, BLOCKS).map((each) => [each, plain(each)]);
    const having = wanted.length < 2 ? [] : blocks.filter(([, text]) => text.toLowerCase().includes(wanted));
    const hits = having.filter(([each], at) => !having[at + 1] || !each.contains(having[at + 1][0]));
    count.textContent = wanted.length < 2 ? "" : filled(count.dataset.text, { count: hits.length });
    found.replaceChildren(...hits.slice(0, MOST).map((hit) => line(hit, wanted)));
    found.hidden = !hits.length;
  }
  on(field, "input", search);
  on(field, "keydown", (event) => {
    if (event.key === "Enter") { found.querySelector("button")?.click(); }
    if (event.key === "ArrowDown") { found.querySelector("button")?.focus(); }
  });
  on(document, "keydown", (event) => {
    if (event.key === "Escape" && !found.hidden) { found.hidden = true; field.focus(); }
  });
}

/* The navigation marks where the reader is; all above the line counts, so that a jump is seen. */
function follow() {
  const nav = document.querySelector("nav");
  if (matchMedia("(max-width: 1099px)").matches) { nav.querySelector("details").open = false; }
  const links = all(nav, "a[href^='#']");
  const targets = links.map((link) => byId(link.getAttribute("href").slice(1)));
  let current;
  const spy = new IntersectionObserver(() => {
    const found = links.filter((link, at) => targets[at]
      && targets[at].getBoundingClientRect().top < innerHeight * 0.3).pop();
    if (found === current) { return; }
    current?.removeAttribute("aria-current");
    current = found;
    found?.setAttribute("aria-current", "location");
    if (nav.scrollHeight > nav.clientHeight) { found?.scrollIntoView({ block: "nearest" }); }
  }, { rootMargin: "9999999px 0px -70% 0px" });
  targets.filter(Boolean).forEach((target) => spy.observe(target));
}

on(document, "DOMContentLoaded", () => {
  themes();
  all(document, "[data-list]").forEach(makeList);
  all(document, "table[data-sortable]").forEach(makeSortable);
  all(document, "svg.graph").forEach(explore);
  enlarge();
  decide();
  views();
  follow();
  on(window, "hashchange", () => arrive(true));
  arrive(false);
});
