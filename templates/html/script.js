"use strict";
/* The report is complete without this script: it finds, orders, enlarges and marks, and asks
   nothing of any server. */
const root = document.documentElement;
const all = (place, selector) => Array.from(place.querySelectorAll(selector));
const byId = (id) => document.getElementById(id);
const modified = (event) => event.altKey || event.ctrlKey || event.metaKey;
function set(element, values) {
  Object.entries(values).forEach((pair) => element.setAttribute(...pair));
}
const on = (place, name, act) => place.addEventListener(name, act);
function make(tag, text) {
  const element = document.createElement(tag);
  element.textContent = text || "";
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
if (kept === "light" || kept === "dark") { root.dataset.theme = kept; }

function themes() {
  const button = byId("theme");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const other = () => ((root.dataset.theme ? root.dataset.theme === "dark" : dark.matches)
    ? "light" : "dark");
  const name = () => { button.textContent = button.dataset[other()]; };
  button.hidden = false;
  on(button, "click", () => {
    root.dataset.theme = other();
    stored(root.dataset.theme);
    name();
  });
  on(dark, "change", name);
  name();
}

/* The address: #anchor?list.key=value&... A fragment reaches no server and is kept on reload. */
let state = new URLSearchParams();
const lists = [];

function readAddress() {
  const [anchor, ...rest] = location.hash.slice(1).split("?");
  if (rest.length) { state = new URLSearchParams(rest.join("?")); }
  return anchor;
}
function writeAddress(anchor) {
  const query = state.toString();
  try {
    history.replaceState(null, "", "#" + anchor + (query ? "?" + query : ""));
  } catch (refused) { /* a viewer that forbids it only loses the memory */ }
}
let writing = 0;
function keep(key, value) {
  if (value) { state.set(key, value); } else { state.delete(key); }
  clearTimeout(writing);
  /* Browsers refuse an address that changes with every key. */
  writing = setTimeout(() => writeAddress(location.hash.slice(1).split("?")[0]), 150);
}
function arrive(moved) {
  const bare = !location.hash.includes("?");
  const anchor = readAddress();
  if (bare && state.toString()) { writeAddress(anchor); }
  lists.forEach((list) => list.restore());
  const target = anchor && byId(anchor);
  if (!target) { return; }
  const hidden = target.closest(".out");
  if (hidden) { lists.forEach((list) => { if (list.holds(hidden)) { list.reset(); } }); }
  const fold = target.closest("details");
  if (fold) { fold.open = true; }
  if (moved || hidden || fold || !bare) { target.scrollIntoView(); }
}

/* Lists: finding, choosing and ordering the rows of a table, or cards. */
const POINT = (1.1).toLocaleString(root.lang).charAt(1);
const GROUPS = POINT === "," ? /\.(?=\d{3})/g : /,(?=\d{3})/g;
function sortable(text) {
  const plain = text.trim().replace(GROUPS, "").replace(POINT, ".").replace(/\u2212/g, "-");
  return /^[<±]?\s*-?\d/.test(plain) ? parseFloat(plain.replace(/^[<±]\s*/, "")) : plain;
}
function compared(a, b) {
  const [first, second] = [a, b].map((value) => typeof value === "number");
  if (first && second) { return a - b; }
  return first || second ? second - first : a.localeCompare(b, undefined, { numeric: true });
}
function facet(row, key) {
  const holder = row.closest("[data-" + key + "]");
  return holder ? holder.dataset[key] : "";
}
function reorder(rows, value, sign) {
  const parents = new Set(rows.map((row) => row.parentNode));
  parents.forEach((parent) => {
    let children = rows.filter((row) => row.parentNode === parent);
    if (value) {
      children = children.map((row) => [value(row), row])
        .sort((a, b) => sign * compared(a[0], b[0])).map((pair) => pair[1]);
    }
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
  controls.forEach((control) => {
    if (control.tagName !== "SELECT" || control === by) { return; }
    const values = new Set(rows.map((row) => facet(row, control.name)));
    values.delete("");
    control.parentNode.hidden = values.size < 2;
    control.append(...Array.from(values).sort(compared).map((value) => make("option", value)));
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
    if (by) {
      reorder(rows, by.value && ((row) => -(row.dataset[by.value] || -Infinity)), 1);
    }
    clear.hidden = !wanted.length && !(by && by.value);
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
  lists.push({ holds: (element) => place.contains(element), reset, restore });
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
    if ("fixed" in head.dataset) { return; }
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
    holds: () => false,
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
  let best = null;
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
    graph.classList.toggle("dim", Boolean(node));
    if (!node) { return; }
    const related = new Set([node.dataset.node]);
    all(graph, ".edge").forEach((edge) => {
      const ends = [edge.dataset.from, edge.dataset.to];
      if (!ends.includes(node.dataset.node)) { return; }
      edge.classList.add("lit");
      ends.forEach(related.add, related);
    });
    nodes.forEach((other) => {
      const grouped = node.dataset.group && node.dataset.group === other.dataset.group;
      if (grouped || related.has(other.dataset.node)) { other.classList.add("lit"); }
    });
  }
  nodes.forEach((node, at) => set(node, { tabindex: at ? -1 : 0 }));
  for (const name of ["pointerover", "focusin"]) {
    on(graph, name, (event) => light(event.target.closest(".node")));
  }
  for (const name of ["pointerleave", "focusout"]) { on(graph, name, () => light(null)); }
  on(graph, "keydown", (event) => {
    if (event.key === "Escape") { light(null); }
    rove(nodes, event);
  });
}

/* Enlarged pictures: arrows go along the row, keys switch between the views of one thing. */
const ROWS = ".crops, .strip, .triplet, .units, .local-concepts, ";
const STOPS = ROWS + ".atlas-pictures, .local-pictures";
const LINES = ROWS + ".atlas-class, .part-local";
const SHOWN = "figure img, figure svg.pic, .plane-figure img, .calibration-figure img";
function enlarge() {
  const viewer = byId("viewer");
  const switches = byId("viewer-views");
  const where = byId("viewer-place");
  let row = [];
  let at = 0;
  let view = 0;
  let wanted = "";
  const kindOf = (picture) => picture.dataset.view || "";
  const nameOf = (picture) => switches.dataset[kindOf(picture)] || "";
  const thing = (picture) => picture.closest("[data-views]") || picture;
  const pictures = (item) => (item.matches("img, svg.pic") ? [item] : all(item, "img, svg.pic"));
  function show() {
    const shown = pictures(row[at]);
    const picture = shown[view];
    const copy = picture.cloneNode(true);
    ["tabindex", "aria-haspopup"].forEach((key) => copy.removeAttribute(key));
    set(copy, { role: "img", class: picture.classList.contains("drawing") ? "drawing" : "" });
    byId("viewer-picture").replaceChildren(copy);
    const figure = picture.closest("figure");
    const caption = figure && figure.querySelector("figcaption");
    byId("viewer-text").textContent = [copy.getAttribute("alt") || copy.getAttribute("aria-label"),
      caption && caption.textContent.trim().replace(/\s+/g, " ")].filter(Boolean).join(". ");
    where.textContent = filled(where.dataset.text, { at: at + 1, all: row.length });
    const many = shown.length > 1 && shown.every(kindOf);
    switches.hidden = !many;
    switches.replaceChildren(...(many ? shown : []).map((one, place) => {
      const button = make("button", nameOf(one) + " (" + nameOf(one)[0].toLowerCase() + ")");
      set(button, { "aria-pressed": place === view });
      on(button, "click", () => {
        turn(place);
        switches.children[place].focus();
      });
      return button;
    }));
    ["viewer-back", "viewer-next"].forEach((id) => { byId(id).disabled = row.length < 2; });
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
    row = Array.from(new Set(found)).filter((item) => item.tagName === own.tagName
      && item.getAttribute("class") === own.getAttribute("class"));
    at = row.indexOf(own);
    turn(Math.max(0, pictures(own).indexOf(picture)));
    viewer.showModal();
  }
  on(viewer, "keydown", (event) => {
    if (modified(event)) { return; }
    if (moves[event.key]) { move(moves[event.key]); }
    const shown = pictures(row[at]);
    const next = shown.map((one, step) => (view + step + 1) % shown.length)
      .find((place) => nameOf(shown[place]).toLowerCase()[0] === event.key.toLowerCase());
    if (next !== undefined) { turn(next); }
  });
  const moves = { ArrowRight: 1, ArrowLeft: -1 };
  on(byId("viewer-next"), "click", () => move(1));
  on(byId("viewer-back"), "click", () => move(-1));
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
  const pressed = (event) => event.target.closest && event.target.closest("[aria-haspopup]");
  on(main, "click", (event) => { if (pressed(event)) { open(pressed(event)); } });
  on(main, "keydown", (event) => {
    const picture = pressed(event);
    if (!picture) { return; }
    if (event.key === "Enter" || event.key === " ") { event.preventDefault(); open(picture); }
    const home = picture.closest(STOPS);
    if (home) { rove(all(home, "[aria-haspopup]"), event); }
  });
}

/* The navigation marks where the reader is. All above the line counts as seen, so that also a jump
   past a heading is noticed. */
function follow() {
  const nav = document.querySelector("nav");
  if (matchMedia("(max-width: 1099px)").matches) { nav.querySelector("details").open = false; }
  const links = all(nav, "a[href^='#']");
  const targets = links.map((link) => byId(link.getAttribute("href").slice(1)));
  let current = null;
  const spy = new IntersectionObserver(() => {
    const found = links.filter((link, at) => targets[at]
      && targets[at].getBoundingClientRect().top < innerHeight * 0.3).pop() || null;
    if (found === current) { return; }
    if (current) { current.removeAttribute("aria-current"); }
    current = found;
    if (!found) { return; }
    found.setAttribute("aria-current", "location");
    if (nav.scrollHeight > nav.clientHeight) { found.scrollIntoView({ block: "nearest" }); }
  }, { rootMargin: "9999999px 0px -70% 0px" });
  targets.filter(Boolean).forEach((target) => spy.observe(target));
}

on(document, "DOMContentLoaded", () => {
  themes();
  all(document, "[data-list]").forEach(makeList);
  all(document, "table[data-sortable]").forEach(makeSortable);
  all(document, "svg.graph").forEach(explore);
  enlarge();
  follow();
  on(window, "hashchange", () => arrive(true));
  arrive(false);
});
