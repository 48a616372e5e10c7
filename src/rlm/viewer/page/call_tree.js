// The call tree: nodes, their turns, and the sub-calls of each turn. Only the rows in view are there, so that one of 10,000
// calls is as quick as one of ten. It is one stop for Tab; the arrows go through it, as in any tree.
import { count, el, put, replace } from "./dom.js";
import { turnsOf } from "./run_model.js";
import { startNow } from "./stored.js";

const ROW = 24; // pixels, as in style.css
const BEYOND = 10; // rows that are there above and below those in view
const DEEPEST = 14; // levels that are drawn further to the right
const STATES = ["done", "partial", "failed", "running", "killed"];

// `model` as in run_model.js; `open(one)` is called with the node, turn or call that is chosen.
export class CallTree {
  constructor(source, run, model, open) {
    Object.assign(this, { source, run, model, open });
    this.folded = new Map(); // span -> whether the user wants it open
    this.current = null; // the node that is shown
    this.at = 0;
    this.rows = [];
    this.list = el("div.rows", { role: "none" });
    this.view = el("div.call-tree", { role: "tree", tabindex: "0", "aria-label": "call tree" }, this.list);
    this.view.addEventListener("scroll", () => requestAnimationFrame(() => this.place()), { passive: true });
    this.view.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.place()).observe(this.view);
  }

  // After the model has grown, or another node is shown.
  draw(current) {
    const followed = this.rows[this.at]?.one;
    this.current = current;
    this.rows = this.flat();
    this.at = Math.max(0, this.rows.findIndex((row) => row.one === followed));
    this.list.style.setProperty("height", `${this.rows.length * ROW}px`);
    this.place();
  }

  // The rows that are not inside a closed one, each with its level; no recursion, since a trace may be as deep as it likes.
  flat() {
    const parents = new Set();
    for (const node of this.model.nodes) if (node.call !== null) parents.add(node.call.turn.span).add(node.call.turn.node.span);
    const rows = [];
    const waiting = this.model.root === null ? [] : [{ one: this.model.root, level: 1, place: 1, of: 1 }];
    while (waiting.length) {
      const row = waiting.pop();
      const inside = children(row.one);
      row.opens = inside.length > 0;
      row.isOpen = row.opens && (this.folded.get(row.one.span) ?? (row.one === this.model.root || parents.has(row.one.span)));
      rows.push(row);
      if (!row.isOpen) continue;
      for (let at = inside.length - 1; at >= 0; at--) waiting.push({ one: inside[at], level: row.level + 1, place: at + 1, of: inside.length });
    }
    return rows;
  }

  place() {
    const { scrollTop, clientHeight } = this.view;
    const from = Math.max(0, Math.floor(scrollTop / ROW) - BEYOND);
    const to = Math.min(this.rows.length, Math.ceil((scrollTop + (clientHeight || 600)) / ROW) + BEYOND);
    replace(this.list, this.rows.slice(from, to).map((row, index) => this.line(row, from + index)));
    this.view.setAttribute("aria-activedescendant", this.rows.length ? `row-${this.rows[this.at].one.span}` : "");
  }

  line(row, index) {
    const { one, level } = row;
    const about = {
      role: "treeitem",
      id: `row-${one.span}`,
      "aria-level": level,
      "aria-setsize": row.of,
      "aria-posinset": row.place,
      "aria-expanded": row.opens ? String(row.isOpen) : null,
      "aria-selected": String(one === this.current),
      click: () => this.choose(index),
    };
    const line = el(`div.row.of-${one.kind}${index === this.at ? ".active" : ""}`, about);
    line.style.setProperty("top", `${index * ROW}px`);
    line.style.setProperty("--level", String(Math.min(DEEPEST, level - 1)));
    const fold = el("span.fold", { "aria-hidden": "true", click: (event) => (event.stopPropagation(), this.toggle(index)) }, row.opens ? (row.isOpen ? "▾" : "▸") : "");
    const state = stateOf(one, this.model);
    return put(line, [fold, el(`span.dot.${state}`, { title: state, "aria-label": state }), el("span.what", {}, this.says(one)), el("span.quiet", {}, told(one))]);
  }

  says(one) {
    if (one.kind === "turn") return `turn ${one.begin.turn}${one.begin.wrap_up ? ", wrap-up" : ""}`;
    const { begin } = one;
    return startNow(this.source, this.run, one.kind === "node" ? begin.question : one.kind === "call" ? begin.prompt : begin.name, 80);
  }

  choose(index) {
    this.at = index;
    this.open(this.rows[index].one);
    this.place();
  }

  toggle(index, wanted = !this.rows[index].isOpen) {
    this.at = index;
    this.folded.set(this.rows[index].one.span, wanted);
    this.draw(this.current);
  }

  key(event) {
    const row = this.rows[this.at];
    if (row === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(this.view.clientHeight / ROW) - 1);
    const to = { ArrowDown: this.at + 1, ArrowUp: this.at - 1, PageDown: this.at + page, PageUp: this.at - page, Home: 0, End: this.rows.length - 1 }[event.key];
    if (event.key === "ArrowRight" && row.opens && !row.isOpen) this.toggle(this.at, true);
    else if (event.key === "ArrowLeft" && row.isOpen) this.toggle(this.at, false);
    else if (event.key === "ArrowRight") this.go(this.at + (row.opens ? 1 : 0));
    else if (event.key === "ArrowLeft") this.go(this.rows.findLastIndex((other, at) => at < this.at && other.level < row.level));
    else if (event.key === "Enter" || event.key === " ") this.choose(this.at);
    else if (to !== undefined) this.go(to);
    else return;
    event.preventDefault();
  }

  go(at) {
    this.at = Math.max(0, Math.min(this.rows.length - 1, at));
    const [top, tall] = [this.at * ROW, this.view.clientHeight];
    if (top < this.view.scrollTop) this.view.scrollTop = top;
    else if (top + ROW > this.view.scrollTop + tall) this.view.scrollTop = top + ROW - tall;
    this.place();
  }
}

// A turn's calls, a child in the place of the call that made it; and the turns of a node.
function children(one) {
  if (one.kind === "node") return one.turns;
  return one.kind === "turn" ? [...one.calls.map((call) => call.child ?? call), ...one.tools] : [];
}

function stateOf(one, model) {
  const live = model.end === null && !model.over;
  if (one.kind === "turn") {
    const bad = one.cellEnd !== null && (one.cellEnd.error || one.cellEnd.lost);
    if (one.notes.some((note) => note.type === "nudge")) return "nudged";
    return bad ? "failed" : one.cell !== null && one.cellEnd === null ? (live ? "running" : "killed") : "done";
  }
  if (one.end === null) return live ? "running" : "killed";
  if (one.kind === "node") return STATES.includes(one.end.status) ? one.end.status : "failed";
  return one.end.error ? "failed" : "done";
}

function told(one) {
  if (one.kind === "node") return `${count(turnsOf(one))} turn${turnsOf(one) === 1 ? "" : "s"}`;
  if (one.kind === "tool") return "tool";
  const many = one.kind === "turn" ? one.calls.length : 0;
  return many ? `${count(many)} call${many === 1 ? "" : "s"}` : "";
}
