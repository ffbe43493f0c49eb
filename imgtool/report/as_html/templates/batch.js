"use strict";
(() => {
  const table = document.getElementById("matrix");
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  const filters = document.getElementById("filters");
  const said = document.getElementById("said");
  const images = [...body.rows].map((row) => ({
    row,
    details: document.getElementById(row.querySelector("a").hash.slice(1)).parentNode,
  }));
  const words = ["fail", "error", "unknown", "warning", "note", "pass", "skipped"];
  const wordOf = (cell) => (cell.className.match(/^w-(\S+)/) || [])[1];

  // A number where the cell has one, then how bad an outcome is, else its text.
  function valueOf(cell) {
    if (cell.dataset.value !== undefined) return Number(cell.dataset.value);
    const place = words.indexOf(wordOf(cell));
    return place >= 0 ? place : cell.textContent ? cell.textContent.toLowerCase() : words.length;
  }

  function compare(one, other) {
    if (typeof one === "number" && typeof other === "number") return one - other;
    return String(one).localeCompare(String(other), "en", { numeric: true });
  }

  function sortBy(column) {
    const head = heads[column];
    const ascending = head.getAttribute("aria-sort") !== "ascending";
    heads.forEach((one) => one.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", ascending ? "ascending" : "descending");
    const order = images.map(({ row }) => [valueOf(row.cells[column]), row]);
    order.sort((one, other) => (ascending ? compare(one[0], other[0]) : compare(other[0], one[0])));
    body.append(...order.map((pair) => pair[1]));
  }

  function textOf(image) {
    image.text ??= (image.row.cells[0].textContent + " " + image.details.textContent).toLowerCase();
    return image.text;
  }

  function hasOutcome(row, outcome, check) {
    if (check) {
      const cell = row.cells[heads.findIndex((head) => head.textContent === check)];
      return outcome ? wordOf(cell) === outcome : wordOf(cell) !== undefined;
    }
    return !outcome || [...row.cells].some((cell) => wordOf(cell) === outcome);
  }

  function filter() {
    const value = (id) => document.getElementById(id).value;
    const text = value("text").trim().toLowerCase();
    let shown = 0;
    for (const image of images) {
      const fits =
        (!value("state") || image.row.dataset.state === value("state")) &&
        hasOutcome(image.row, value("outcome"), value("check")) &&
        (!text || textOf(image).includes(text));
      image.row.hidden = image.details.hidden = !fits;
      shown += fits;
    }
    document.getElementById("shown").textContent = `${shown} of ${images.length} images`;
  }

  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.title = "sort";
    button.append(...head.childNodes);
    button.addEventListener("click", () => sortBy(column));
    head.append(button);
  });
  filters.addEventListener("input", filter);
  filters.addEventListener("submit", (event) => event.preventDefault());
  filters.addEventListener("reset", () => setTimeout(filter));
  filters.hidden = false;
  filter();

  // A title cannot be seen on a phone: a touch says it too. A link opens what it leads to.
  body.addEventListener("click", (event) => {
    const cell = event.target.closest("td[title]");
    said.hidden = !cell;
    if (cell) {
      const name = cell.parentNode.cells[0].textContent;
      said.textContent = `${name}, ${heads[cell.cellIndex].textContent}: ${cell.title}`;
    }
  });
  function open() {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target && target.parentNode.tagName === "DETAILS") target.parentNode.open = true;
  }
  document.addEventListener("click", (event) => event.target.closest("a") && setTimeout(open));
  window.addEventListener("hashchange", open);
  open();
})();
