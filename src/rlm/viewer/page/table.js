// A table that can be sorted by each column, and has only the rows that are in view: one of 10,000 is as quick as one of ten.
import { el, put } from "./dom.js";

const ROW = 27; // pixels, as in style.css
const BEYOND = 4; // rows that are there above and below those in view, at least
const STEP = 6; // rows that are made at a time
const INSIDE = 300; // pixels that what is inside a row takes, before it has been seen

// columns: {title, value(row) for sorting, show(row) for the cell, number: right-aligned, width in CSS}. On a click or
// Enter, `open(row)` is called, or what `inside(row)` gives is shown below it. `order` ({by, down}) and `opened` (a set of
// rows) are kept by the caller where the table is made again. The element has `reveal(row)`, which opens a row and
// scrolls to it.
export function table(columns, rows, { open = null, inside = null, opened = new Set(), label, order = { by: null, down: false } } = {}) {
  const body = el("tbody");
  const headers = columns.map((column, index) => {
    const sort = el("button", { type: "button", click: () => sortBy(index), "aria-label": column.title ? null : column.label }, column.title);
    return el(column.number ? "th.number" : "th", { scope: "col", "aria-sort": "none" }, sort);
  });
  const acts = open !== null || inside !== null;
  const widths = columns.map((column) => el(column.width ? `col.w-${column.width}` : "col"));
  const grid = el("table", { "aria-label": label, "aria-rowcount": rows.length + 1 }, el("colgroup", {}, widths), el("thead", {}, el("tr", {}, headers)), body);
  const frame = el("div.table", { tabindex: acts ? null : "0" }, grid);
  const heights = new Map(); // of what is inside rows, in pixels
  const made = new Map(); // opened row -> what is inside it
  let shown = [...rows];
  let drawn = [-1, -1];
  let active = 0; // the row that Tab comes to
  let waiting = false;
  const lines = new Map(); // number of a row that is there -> its elements
  const [top, bottom] = [0, 1].map(() => el("tr.space", { "aria-hidden": "true" }, el("td", { colspan: columns.length })));
  put(body, [top, bottom]);

  function sortBy(index) {
    order.down = order.by === index ? !order.down : columns[index].number === true;
    order.by = index;
    sorted();
    frame.scrollTop = 0;
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
    active = 0;
    draw(true);
  }

  const below = (row) => (opened.has(row) ? (heights.get(row) ?? INSIDE) : 0);

  // How many pixels are above a row.
  function above(index) {
    let sum = index * ROW;
    if (opened.size) for (let at = 0; at < index; at++) sum += below(shown[at]);
    return sum;
  }

  // The rows from one to another which are in view, and some more.
  function inView() {
    const [top, tall] = [frame.scrollTop, frame.clientHeight || 560];
    if (!opened.size) return [Math.floor(top / ROW) - BEYOND, Math.ceil((top + tall) / ROW) + BEYOND];
    let [sum, first] = [0, 0];
    for (; first < shown.length && sum + ROW + below(shown[first]) < top; first++) sum += ROW + below(shown[first]);
    let last = first;
    for (; last < shown.length && sum < top + tall; last++) sum += ROW + below(shown[last]);
    return [first - BEYOND, last + BEYOND];
  }

  function draw(anew = false) {
    const [low, high] = inView();
    const [from, to] = [Math.max(0, low - (low % STEP)), Math.min(shown.length, high + STEP - (high % STEP))];
    if (!anew && from === drawn[0] && to === drawn[1]) return;
    drawn = [from, to];
    for (const [at, nodes] of lines) {
      if (!anew && at >= from && at < to) continue;
      nodes.forEach((node) => node.remove());
      lines.delete(at);
    }
    if (active < from || active >= to) active = Math.min(from + BEYOND, Math.max(0, to - 1));
    let last = top;
    for (let at = from; at < to; at++) {
      if (!lines.has(at)) {
        lines.set(at, line(shown[at], at));
        last.after(...lines.get(at));
      }
      last = lines.get(at).at(-1);
    }
    space(top, above(from));
    space(bottom, above(shown.length) - above(to));
  }

  function space(row, height) {
    row.hidden = height <= 0;
    row.firstChild.style.setProperty("height", `${height}px`);
  }

  function line(row, at) {
    const cells = columns.map((column) => el(column.number ? "td.number" : "td", {}, column.show(row)));
    const place = { "aria-rowindex": at + 2 };
    if (!acts) return [el("tr.row", place, cells)];
    const expanded = inside === null ? null : String(opened.has(row));
    const node = el("tr.row.opens", { ...place, tabindex: at === active ? "0" : "-1", "aria-expanded": expanded, click: () => act(at) }, cells);
    return opened.has(row) ? [node, within(row)] : [node];
  }

  function within(row) {
    if (!made.has(row)) {
      const node = el("tr.inside", {}, el("td", { colspan: columns.length }, el("div", {}, inside(row))));
      new ResizeObserver(() => measure(row, node)).observe(node);
      made.set(row, node);
    }
    return made.get(row);
  }

  function measure(row, node) {
    if (!node.isConnected || heights.get(row) === node.offsetHeight) return;
    heights.set(row, node.offsetHeight);
    later();
  }

  function act(at) {
    active = at;
    if (open !== null) return open(shown[at]);
    const row = shown[at];
    if (opened.delete(row)) made.delete(row);
    else opened.add(row);
    draw(true);
  }

  const lineOf = (at) => lines.get(at)?.[0];

  function focus() {
    lineOf(active)?.setAttribute("tabindex", "0");
    lineOf(active)?.focus({ preventScroll: true });
  }

  function go(at) {
    lineOf(active)?.setAttribute("tabindex", "-1");
    active = Math.max(0, Math.min(shown.length - 1, at));
    const [top, head] = [above(active), headers[0].offsetHeight];
    if (top < frame.scrollTop) frame.scrollTop = top;
    else if (top + ROW + head > frame.scrollTop + frame.clientHeight) frame.scrollTop = top + ROW + head - frame.clientHeight;
    draw();
    focus();
  }

  function later() {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      draw();
    });
  }

  frame.addEventListener("scroll", later, { passive: true });
  body.addEventListener("keydown", (event) => {
    if (!event.target.matches("tr.opens")) return;
    const page = Math.floor(frame.clientHeight / ROW) - 2;
    const to = { ArrowDown: active + 1, ArrowUp: active - 1, Home: 0, End: shown.length - 1, PageDown: active + page, PageUp: active - page }[event.key];
    if (event.key === "Enter" || (event.key === " " && inside !== null)) act(active);
    else if (to === undefined) return;
    else go(to);
    event.preventDefault();
    if (event.key === "Enter" || event.key === " ") focus();
  });
  body.addEventListener("focusin", (event) => {
    if (!event.target.matches("tr.opens")) return; // what is inside a row has its own place in the order of Tab
    const index = Number(event.target.getAttribute("aria-rowindex")) - 2;
    if (index === active) return;
    lineOf(active)?.setAttribute("tabindex", "-1");
    active = index;
    lineOf(active)?.setAttribute("tabindex", "0");
  });
  frame.reveal = (row) => {
    if (!shown.includes(row)) return;
    opened.add(row);
    active = shown.indexOf(row);
    frame.scrollTop = above(active);
    draw(true);
  };
  sorted();
  return frame;
}

function compare(a, b) {
  if (typeof a === "number" && typeof b === "number") return (Number.isNaN(a) ? -1 : a) - (Number.isNaN(b) ? -1 : b);
  return String(a ?? "").localeCompare(String(b ?? ""));
}
