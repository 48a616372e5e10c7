// A table that can be sorted by each column, and shows its rows as it is scrolled.
import { el, put, replace } from "./dom.js";

const PART = 200; // rows that are added at a time

// columns: {title, value(row) for sorting, show(row) for the cell, number: right-aligned}. On a click or Enter, `open(row)`
// is called, or what `inside(row)` gives is shown below it. `order` ({by, down}) and `opened` (a set of rows) are kept by
// the caller where the table is made again.
export function table(columns, rows, { open = null, inside = null, opened = new Set(), label, order = { by: null, down: false } } = {}) {
  const body = el("tbody");
  const headers = columns.map((column, index) => {
    const sort = el("button", { type: "button", click: () => sortBy(index) }, column.title);
    return el(column.number ? "th.number" : "th", { scope: "col", "aria-sort": "none" }, sort);
  });
  const frame = el("div.table", {}, el("table", { "aria-label": label }, el("thead", {}, el("tr", {}, headers)), body));
  let shown = [...rows];
  let drawn = 0;

  function sortBy(index) {
    order.down = order.by === index ? !order.down : columns[index].number === true;
    order.by = index;
    sorted();
  }

  function sorted() {
    const { by, down } = order;
    if (by !== null) {
      const { value } = columns[by];
      const sign = down ? -1 : 1;
      shown = [...rows].sort((a, b) => sign * compare(value(a), value(b)));
      headers.forEach((header, at) => {
        header.setAttribute("aria-sort", at !== by ? "none" : down ? "descending" : "ascending");
      });
    }
    drawn = 0;
    replace(body);
    more();
  }

  function more() {
    const part = shown.slice(drawn, drawn + PART);
    drawn += part.length;
    put(body, part.map(line));
    if (drawn < shown.length) put(body, rest());
  }

  function rest() {
    const button = el("button.more", { type: "button", click: () => (row.remove(), more()) });
    put(button, `${(shown.length - drawn).toLocaleString("en-US")} more`);
    const row = el("tr", {}, el("td", { colspan: columns.length }, button));
    return row;
  }

  function line(row) {
    const cells = columns.map((column) => el(column.number ? "td.number" : "td", {}, column.show(row)));
    if (open === null && inside === null) return el("tr", {}, cells);
    const act = () => (open === null ? unfold(row, node) : open(row));
    const node = el("tr.opens", { tabindex: "0", click: act }, cells);
    node.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && event.target === node) act();
    });
    return opened.has(row) ? [node, below(row)] : node;
  }

  const below = (row) => el("tr.inside", {}, el("td", { colspan: columns.length }, inside(row)));

  function unfold(row, node) {
    if (opened.delete(row)) return node.nextElementSibling.remove();
    opened.add(row);
    return node.after(below(row));
  }

  sorted();
  return frame;
}

function compare(a, b) {
  if (typeof a === "number" && typeof b === "number") return (Number.isNaN(a) ? -1 : a) - (Number.isNaN(b) ? -1 : b);
  return String(a ?? "").localeCompare(String(b ?? ""));
}
