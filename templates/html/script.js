"use strict";
(function () {
  var root = document.documentElement;
  var theme = document.getElementById("theme");
  var dark = matchMedia("(prefers-color-scheme: dark)");
  theme.hidden = false;
  theme.addEventListener("click", function () {
    var now = root.dataset.theme || (dark.matches ? "dark" : "light");
    root.dataset.theme = now === "dark" ? "light" : "dark";
  });

  function reveal() {
    var target = location.hash && document.getElementById(location.hash.slice(1));
    if (!target) { return; }
    var fold = target.closest("details");
    if (fold && !fold.open) { fold.open = true; target.scrollIntoView(); }
  }
  addEventListener("hashchange", reveal);
  reveal();

  addEventListener("beforeprint", function () {
    document.querySelectorAll("main details").forEach(function (fold) { fold.open = true; });
  });

  var contents = document.querySelector("nav details");
  if (matchMedia("(max-width: 1099px)").matches) { contents.open = false; }

  document.querySelectorAll("input[data-filter]").forEach(function (input) {
    input.closest(".filter").hidden = false;
    var place = document.getElementById(input.dataset.filter);
    input.addEventListener("input", function () {
      var wanted = input.value.toLowerCase();
      place.querySelectorAll("tbody tr, [data-row]").forEach(function (row) {
        row.hidden = row.textContent.toLowerCase().indexOf(wanted) < 0;
      });
    });
  });

  var viewer = document.getElementById("viewer");
  var frame = document.getElementById("viewer-picture");
  var text = document.getElementById("viewer-text");
  var row = [];
  var place = 0;
  function show() {
    var copy = row[place].cloneNode(true);
    copy.removeAttribute("tabindex");
    copy.removeAttribute("role");
    frame.replaceChildren(copy);
    text.textContent = copy.getAttribute("alt") || copy.getAttribute("aria-label") || "";
  }
  function move(step) { place = (place + step + row.length) % row.length; show(); }
  function open(picture) {
    var home = picture.closest(".crops, .strip, .triplet, .atlas-pictures, .annotated, figure") || picture;
    row = Array.from(home.querySelectorAll("img, svg.pic"));
    place = Math.max(0, row.indexOf(picture));
    show();
    viewer.showModal();
  }
  document.querySelectorAll("main figure img, main figure svg.pic").forEach(function (picture) {
    picture.tabIndex = 0;
    picture.addEventListener("click", function () { open(picture); });
    picture.addEventListener("keydown", function (event) {
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); open(picture); }
    });
  });
  viewer.addEventListener("keydown", function (event) {
    if (event.key === "ArrowRight") { move(1); }
    if (event.key === "ArrowLeft") { move(-1); }
  });
  document.getElementById("viewer-next").addEventListener("click", function () { move(1); });
  document.getElementById("viewer-back").addEventListener("click", function () { move(-1); });
  document.getElementById("viewer-close").addEventListener("click", function () { viewer.close(); });
})();
