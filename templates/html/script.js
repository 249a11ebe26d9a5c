"use strict";
/* The report is complete without this script: it finds, orders, enlarges and marks, and asks
   nothing of any server. */
(function () {
  var root = document.documentElement;
  var STORED = "concept-audit-theme";

  function all(place, selector) { return Array.from(place.querySelectorAll(selector)); }
  function byId(id) { return document.getElementById(id); }
  function make(tag, text) {
    var element = document.createElement(tag);
    if (text) { element.textContent = text; }
    return element;
  }

  /* Theme: kept for the session where storage is allowed; elsewhere reading it throws. */
  function stored(value) {
    try {
      if (value) { sessionStorage.setItem(STORED, value); }
      return sessionStorage.getItem(STORED);
    } catch (refused) { return null; }
  }
  var kept = stored();
  if (kept === "light" || kept === "dark") { root.dataset.theme = kept; }

  function themes() {
    var button = byId("theme");
    var dark = matchMedia("(prefers-color-scheme: dark)");
    function isDark() { return root.dataset.theme ? root.dataset.theme === "dark" : dark.matches; }
    function name() { button.textContent = isDark() ? "Light theme" : "Dark theme"; }
    button.hidden = false;
    button.addEventListener("click", function () {
      root.dataset.theme = isDark() ? "light" : "dark";
      stored(root.dataset.theme);
      name();
    });
    dark.addEventListener("change", name);
    name();
  }

  /* The address: #anchor?list.key=value&... A fragment never reaches a server, is kept on reload,
     and may be replaced also in a page opened from a file. */
  var state = new URLSearchParams();
  var lists = [];

  function readAddress() {
    var text = location.hash.slice(1);
    var cut = text.indexOf("?");
    if (cut >= 0) { state = new URLSearchParams(text.slice(cut + 1)); }
    return cut >= 0 ? text.slice(0, cut) : text;
  }
  function writeAddress(anchor) {
    var query = state.toString();
    try {
      history.replaceState(null, "", "#" + anchor + (query ? "?" + query : ""));
    } catch (refused) { /* a viewer that forbids it only loses the memory */ }
  }
  var writing = 0;
  function keep(key, value) {
    if (value) { state.set(key, value); } else { state.delete(key); }
    clearTimeout(writing);
    /* Browsers refuse an address that changes with every key. */
    writing = setTimeout(function () { writeAddress(location.hash.slice(1).split("?")[0]); }, 150);
  }
  function arrive(moved) {
    var bare = location.hash.indexOf("?") < 0;
    var anchor = readAddress();
    if (bare && state.toString()) { writeAddress(anchor); }
    lists.forEach(function (list) { list.restore(); });
    var target = anchor && byId(anchor);
    if (!target) { return; }
    var hidden = target.closest(".out");
    if (hidden) { lists.forEach(function (list) { if (list.holds(hidden)) { list.reset(); } }); }
    var fold = target.closest("details");
    if (fold) { fold.open = true; }
    if (moved || hidden || fold || !bare) { target.scrollIntoView(); }
  }

  /* Lists: finding, choosing and ordering the rows of a table, or cards. */
  var POINT = (1.1).toLocaleString(root.lang).charAt(1);
  function sortable(text) {
    var plain = text.trim().replace(POINT === "," ? /\.(?=\d{3})/g : /,(?=\d{3})/g, "")
      .replace(POINT, ".").replace(/\u2212/g, "-");
    return /^[<±]?\s*-?\d/.test(plain) ? parseFloat(plain.replace(/^[<±]\s*/, "")) : plain;
  }
  function compared(a, b) {
    if (typeof a === "number" && typeof b === "number") { return a - b; }
    if (typeof a === "number") { return -1; }
    if (typeof b === "number") { return 1; }
    return a.localeCompare(b, undefined, { numeric: true });
  }
  function facet(row, key) {
    var holder = row.closest("[data-" + key + "]");
    return holder ? holder.dataset[key] : "";
  }
  function reorder(rows, value, sign) {
    var parents = new Map();
    rows.forEach(function (row) {
      if (!parents.has(row.parentNode)) { parents.set(row.parentNode, []); }
      parents.get(row.parentNode).push(row);
    });
    parents.forEach(function (children, parent) {
      if (value) {
        children = children.map(function (row, at) { return [value(row), at, row]; })
          .sort(function (a, b) { return sign * compared(a[0], b[0]) || a[1] - b[1]; })
          .map(function (item) { return item[2]; });
      }
      children.forEach(function (row) { parent.append(row); });
    });
  }

  function makeList(bar) {
    var name = bar.dataset.list;
    var place = byId(name);
    var rows = all(place, "tbody tr, [data-row]");
    var groups = all(place, "[data-group]");
    var controls = all(bar, "input, select");
    var count = bar.querySelector("output");
    var clear = bar.querySelector("button");
    var texts = new Map();
    controls.forEach(function (control) {
      if (control.tagName !== "SELECT" || control.name === "by") { return; }
      var values = new Set(rows.map(function (row) { return facet(row, control.name); }));
      values.delete("");
      control.parentNode.hidden = values.size < 2;
      Array.from(values).sort(compared).forEach(function (value) {
        var option = make("option", value);
        option.value = value;
        control.append(option);
      });
    });
    function fits(row, wanted) {
      return wanted.every(function (control) {
        if (control.name !== "q") { return facet(row, control.name) === control.value; }
        if (!texts.has(row)) { texts.set(row, row.textContent.toLowerCase()); }
        return texts.get(row).indexOf(control.value.trim().toLowerCase()) >= 0;
      });
    }
    function apply() {
      var wanted = controls.filter(function (c) { return c.value.trim() && c.name !== "by"; });
      var by = bar.querySelector("[name=by]");
      var shown = 0;
      rows.forEach(function (row) {
        var fit = fits(row, wanted);
        row.classList.toggle("out", !fit);
        if (fit) { shown += 1; }
      });
      groups.forEach(function (group) {
        var left = group.querySelector("tbody tr:not(.out), [data-row]:not(.out)");
        group.classList.toggle("out", wanted.length > 0 && !left);
      });
      if (by) {
        reorder(rows, by.value && function (row) {
          return row.dataset[by.value] === undefined ? "" : -Number(row.dataset[by.value]);
        }, 1);
      }
      clear.hidden = !wanted.length && !(by && by.value);
      count.textContent = wanted.length
        ? shown + " of " + rows.length + " " + bar.dataset.nouns : "";
    }
    bar.addEventListener("input", function (event) {
      apply();
      keep(name + "." + event.target.name, event.target.value.trim());
    });
    function reset() {
      controls.forEach(function (control) {
        control.value = "";
        keep(name + "." + control.name, "");
      });
      apply();
    }
    clear.addEventListener("click", function () { reset(); controls[0].focus(); });
    bar.hidden = false;
    lists.push({
      holds: function (element) { return place.contains(element); },
      reset: reset,
      restore: function () {
        var changed = false;
        controls.forEach(function (control) {
          var value = state.get(name + "." + control.name) || "";
          if (control.value !== value) { control.value = value; changed = true; }
        });
        if (changed) { apply(); }
      },
    });
  }

  /* Tables whose headings order them: up, down, and back to the report's order. */
  function makeSortable(table, at) {
    var name = table.id || "table" + at;
    var rows = all(table, "tbody tr");
    var heads = all(table, "thead th");
    if (rows.length < 2) { return; }
    function order(column, sign) {
      heads.forEach(function (head, at) {
        if (at === column && sign) {
          head.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
        } else { head.removeAttribute("aria-sort"); }
      });
      reorder(rows, sign && function (row) {
        var cell = row.cells[column];
        return cell ? sortable(cell.dataset.order || cell.textContent) : "";
      }, sign);
    }
    heads.forEach(function (head, column) {
      if ("fixed" in head.dataset) { return; }
      var button = make("button");
      button.type = "button";
      button.className = "by";
      button.append.apply(button, Array.from(head.childNodes));
      head.append(button);
      button.addEventListener("click", function () {
        var now = head.getAttribute("aria-sort");
        var sign = now === "ascending" ? -1 : now === "descending" ? 0 : 1;
        order(column, sign);
        keep(name + ".column", sign ? String(sign * (column + 1)) : "");
      });
    });
    lists.push({
      holds: function () { return false; },
      restore: function () {
        var value = Number(state.get(name + ".column")) || 0;
        var column = Math.abs(value) - 1;
        if (heads[column] || table.querySelector("[aria-sort]")) { order(column, Math.sign(value)); }
      },
    });
  }

  /* One tab stop for many neighbours; the arrow keys go to the nearest one on that side. */
  var SIDES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  function rove(items, event) {
    var side = SIDES[event.key];
    if (!side || event.altKey || event.ctrlKey || event.metaKey) { return; }
    var from = event.target.closest("[tabindex], a").getBoundingClientRect();
    var best = null;
    var least = Infinity;
    items.forEach(function (item) {
      var box = item.getBoundingClientRect();
      var x = box.left + box.width / 2 - from.left - from.width / 2;
      var y = box.top + box.height / 2 - from.top - from.height / 2;
      var along = side[0] * x + side[1] * y;
      var across = Math.abs(side[1] * x + side[0] * y);
      if (along > 2 && along + 3 * across < least) { best = item; least = along + 3 * across; }
    });
    if (!best) { return; }
    event.preventDefault();
    items.forEach(function (item) { item.setAttribute("tabindex", item === best ? "0" : "-1"); });
    best.focus();
  }

  /* Graphs and maps: the node under the pointer or in focus, with what belongs to it, stays lit. */
  function explore(graph) {
    var nodes = all(graph, ".node");
    var edges = all(graph, ".edge");
    function light(node) {
      all(graph, ".lit").forEach(function (element) { element.classList.remove("lit"); });
      graph.classList.toggle("dim", Boolean(node));
      if (!node) { return; }
      var id = node.dataset.node;
      var related = new Set([id]);
      edges.forEach(function (edge) {
        var ends = [edge.dataset.from, edge.dataset.to];
        if (ends.indexOf(id) < 0) { return; }
        edge.classList.add("lit");
        ends.forEach(function (end) { related.add(end); });
      });
      nodes.forEach(function (other) {
        var grouped = node.dataset.group && node.dataset.group === other.dataset.group;
        if (grouped || related.has(other.dataset.node)) { other.classList.add("lit"); }
      });
    }
    nodes.forEach(function (node, at) { node.setAttribute("tabindex", at ? "-1" : "0"); });
    graph.addEventListener("pointerover", function (event) { light(event.target.closest(".node")); });
    graph.addEventListener("pointerleave", function () { light(null); });
    graph.addEventListener("focusin", function (event) { light(event.target.closest(".node")); });
    graph.addEventListener("focusout", function () { light(null); });
    graph.addEventListener("keydown", function (event) {
      if (event.key === "Escape") { light(null); }
      rove(nodes, event);
    });
  }

  /* Enlarged pictures: arrows go along the row, keys switch between the views of one thing. */
  var ROWS = ".crops, .strip, .triplet, .units, .local-concepts, ";
  var STOPS = ROWS + ".atlas-pictures, .local-pictures";
  var LINES = ROWS + ".atlas-class, .part-local";
  var VIEWS = { input: "input", overlay: "overlay", heatmap: "heatmap", crop: "crop",
    areas: "areas", region: "region" };
  function enlarge() {
    var viewer = byId("viewer");
    var frame = byId("viewer-picture");
    var text = byId("viewer-text");
    var switches = byId("viewer-views");
    var where = byId("viewer-place");
    var PICTURE = "img, svg.pic";
    var row = [];
    var at = 0;
    var view = 0;
    var wanted = "";
    function thing(picture) { return picture.closest("[data-views]") || picture; }
    function pictures(item) { return item.matches(PICTURE) ? [item] : all(item, PICTURE); }
    function show() {
      var shown = pictures(row[at]);
      var picture = shown[view];
      var copy = picture.cloneNode(true);
      ["tabindex", "aria-haspopup", "class"].forEach(function (key) { copy.removeAttribute(key); });
      copy.setAttribute("role", "img");
      frame.replaceChildren(copy);
      var figure = picture.closest("figure");
      var caption = figure && figure.querySelector("figcaption");
      var words = [copy.getAttribute("alt") || copy.getAttribute("aria-label"),
        caption && caption.textContent.trim().replace(/\s+/g, " ")];
      text.textContent = words.filter(Boolean).join(". ");
      where.textContent = at + 1 + " of " + row.length;
      var many = shown.length > 1 && shown.every(function (one) { return one.dataset.view; });
      switches.hidden = !many;
      switches.replaceChildren.apply(switches, many ? shown.map(function (one, place) {
        var kind = one.dataset.view;
        var button = make("button", VIEWS[kind] + " (" + kind[0] + ")");
        button.type = "button";
        button.setAttribute("aria-pressed", String(place === view));
        button.addEventListener("click", function () {
          turn(place);
          switches.children[place].focus();
        });
        return button;
      }) : []);
      ["viewer-back", "viewer-next"].forEach(function (id) { byId(id).disabled = row.length < 2; });
    }
    function turn(place) {
      view = place;
      wanted = pictures(row[at])[view].dataset.view || "";
      show();
    }
    function move(step) {
      at = (at + step + row.length) % row.length;
      var kinds = pictures(row[at]).map(function (one) { return one.dataset.view; });
      view = Math.max(0, kinds.indexOf(wanted));
      show();
    }
    function open(picture) {
      var own = thing(picture);
      var line = picture.closest(LINES);
      var found = line ? all(line, "[aria-haspopup]").map(thing) : [own];
      row = Array.from(new Set(found)).filter(function (item) {
        return item.tagName === own.tagName && item.getAttribute("class") === own.getAttribute("class");
      });
      at = row.indexOf(own);
      turn(Math.max(0, pictures(row[at]).indexOf(picture)));
      viewer.showModal();
    }
    viewer.addEventListener("keydown", function (event) {
      if (event.ctrlKey || event.metaKey || event.altKey) { return; }
      if (event.key === "ArrowRight") { move(1); }
      if (event.key === "ArrowLeft") { move(-1); }
      var shown = pictures(row[at]);
      for (var step = 1; step <= shown.length; step += 1) {
        var place = (view + step) % shown.length;
        if ((shown[place].dataset.view || "")[0] === event.key.toLowerCase()) { turn(place); break; }
      }
    });
    byId("viewer-next").addEventListener("click", function () { move(1); });
    byId("viewer-back").addEventListener("click", function () { move(-1); });
    byId("viewer-close").addEventListener("click", function () { viewer.close(); });
    viewer.addEventListener("click", function (event) { if (event.target === viewer) { viewer.close(); } });

    var main = document.querySelector("main");
    var SHOWN = "figure img, figure svg.pic, .plane-figure img, .calibration-figure img";
    var first = new Set();
    all(main, SHOWN).forEach(function (picture) {
      var home = picture.closest(STOPS) || picture;
      picture.setAttribute("role", "button");
      picture.setAttribute("aria-haspopup", "dialog");
      picture.setAttribute("tabindex", first.has(home) ? "-1" : "0");
      first.add(home);
    });
    function pressed(event) { return event.target.closest && event.target.closest("[aria-haspopup]"); }
    main.addEventListener("click", function (event) {
      if (pressed(event)) { open(pressed(event)); }
    });
    main.addEventListener("keydown", function (event) {
      var picture = pressed(event);
      if (!picture) { return; }
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); open(picture); }
      var home = picture.closest(STOPS);
      if (home) { rove(all(home, "[aria-haspopup]"), event); }
    });
  }

  /* The navigation marks where the reader is. */
  function follow() {
    var nav = document.querySelector("nav");
    var contents = nav.querySelector("details");
    if (matchMedia("(max-width: 1099px)").matches) { contents.open = false; }
    var links = all(nav, "a[href^='#']");
    var targets = links.map(function (link) { return byId(link.getAttribute("href").slice(1)); });
    var current = null;
    /* All above the line counts as seen, so that also a jump past a heading is noticed. */
    var spy = new IntersectionObserver(function () {
      var line = innerHeight * 0.3;
      var found = null;
      targets.forEach(function (target, at) {
        if (target && target.getBoundingClientRect().top < line) { found = links[at]; }
      });
      if (found === current) { return; }
      if (current) { current.removeAttribute("aria-current"); }
      current = found;
      if (!found) { return; }
      found.setAttribute("aria-current", "location");
      var box = found.getBoundingClientRect();
      var room = nav.getBoundingClientRect();
      if (nav.scrollHeight > nav.clientHeight && (box.top < room.top || box.bottom > room.bottom)) {
        nav.scrollTop += box.top - room.top - room.height / 2;
      }
    }, { rootMargin: "9999999px 0px -70% 0px" });
    targets.forEach(function (target) { if (target) { spy.observe(target); } });
  }

  /* Print opens everything, and afterwards closes what it opened. */
  function print() {
    var opened = [];
    addEventListener("beforeprint", function () {
      opened = all(document, "main details:not([open])");
      opened.forEach(function (fold) { fold.open = true; });
    });
    addEventListener("afterprint", function () {
      opened.forEach(function (fold) { fold.open = false; });
    });
  }

  document.addEventListener("DOMContentLoaded", function () {
    themes();
    all(document, "[data-list]").forEach(makeList);
    all(document, "table[data-sortable]").forEach(makeSortable);
    all(document, "svg.graph").forEach(explore);
    enlarge();
    follow();
    print();
    addEventListener("hashchange", function () { arrive(true); });
    arrive(false);
  });
})();
