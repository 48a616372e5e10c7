// One run: its answer first, then the call tree, the time line, the turns of a node, what it cost, and what was read.
import { CallTree } from "./call_tree.js";
import { brief, count, dollars, el, put, replace, seconds } from "./dom.js";
import { inputStrip } from "./input_strip.js";
import { citationsView } from "./citations_view.js";
import { RunModel, turnsOf } from "./run_model.js";
import { block, fold, start } from "./stored.js";
import { table } from "./table.js";
import { children, timeLine } from "./time_line.js";
import { filled, isFilled, relabel, reveal, turnView } from "./turn_view.js";

const MOST_TURNS = 100; // turns that are drawn at once
const LATER = 40; // milliseconds after the first frame
const FILLED = 2; // turns whose contents are drawn before they are seen

export class RunPage {
  constructor(source, run, stage) {
    this.source = source;
    this.run = run;
    this.model = new RunModel();
    this.stage = stage;
    this.node = null;
    this.labels = new Map(); // span of a turn -> what it does
    this.at = { turn: null }; // the turn of the time line that the keys are at
    this.below = true; // whether the time line has what is below the node's children
    this.opened = new Set(); // calls whose prompt and reply are shown
    this.orders = new Map(); // of the tables of what was spent
    this.stop = () => {};
  }

  async load() {
    replace(this.stage, el("p.quiet", { role: "status" }, "reading the run …"));
    const from = await this.source.events(this.run, (events) => this.model.take(events));
    if (this.model.begin === null) throw new Error("the record is empty");
    this.frame();
    requestAnimationFrame(() => setTimeout(() => this.rest(from), LATER)); // what is not seen at first, after what is
  }

  rest(from) {
    if (this.left) return;
    this.drawCosts();
    this.drawLabels();
    this.drawCoverage();
    if (this.model.end === null) {
      this.stop = this.source.follow(this.run, from, (events) => this.grow(events), () => this.ended());
    } else this.drawCitations();
  }

  ended() {
    this.model.over = true;
    this.drawLabels();
    this.drawHead();
    this.drawTree();
    this.drawCoverage();
    this.drawCitations();
  }

  frame() {
    const parts = ["head", "quotes", "tree", "line", "turns", "costs", "input", "about"];
    this.parts = Object.fromEntries(parts.map((name) => [name, el(`section.${name}`)]));
    const { head, quotes, tree, line, turns, costs, input, about } = this.parts;
    this.tree = new CallTree(this.source, this.run, this.model, (one) => (one.kind === "node" ? this.show(one) : this.open(one.span)));
    put(tree, [el("h2", {}, "Call tree"), this.tree.view]);
    replace(this.stage, head, quotes, el("div.columns", {}, el("nav.side", { "aria-label": "call tree" }, tree), el("div.main", {}, line, turns, costs, input, about)));
    this.node = this.model.root;
    this.drawHead();
    this.drawTree();
    this.drawLine();
    this.drawTurns();
    put(about, fold("about this run", () => this.about()));
  }

  // More events of a run that goes on: what is shown grows, and what is open stays open.
  grow(events) {
    this.model.take(events);
    this.node ??= this.model.root;
    this.drawHead();
    this.drawTree();
    this.drawLine();
    this.drawCosts();
    const turns = this.node?.turns ?? [];
    const drawn = this.drawn ?? 0;
    const last = drawn > 0 ? this.shown?.lastElementChild : null;
    const scrolled = [...(last?.querySelectorAll(".table, pre") ?? [])].map((box) => box.scrollTop);
    const unfolded = [...(last?.querySelectorAll("details") ?? [])].map((fold) => fold.open);
    last?.remove();
    this.addTurns(Math.max(0, drawn - 1), turns.length);
    const again = last && this.shown?.children[drawn - 1];
    if (again && isFilled(last)) filled(again);
    again?.querySelectorAll("details").forEach((fold, at) => (fold.open = unfolded[at] ?? false));
    again?.querySelectorAll(".table, pre").forEach((box, at) => (box.scrollTop = scrolled[at] ?? 0));
  }

  drawHead() {
    const { model, source, run } = this;
    const { begin, end } = model;
    const facts = [
      ["cost", dollars(model.cost)],
      ["tokens", brief(model.tokens)],
      ["turns", count(turnsOf(model.root))],
      ["sub-calls", count(model.nodes.reduce((sum, node) => sum + node.turns.reduce((all, turn) => all + turn.calls.length, 0), 0))],
      ["time", seconds(end?.seconds ?? model.now)],
      ["model", begin.model],
    ];
    if (typeof begin.origin?.run === "string" && typeof begin.origin.way === "string") {
      facts.splice(1, 0, ["of that recorded", dollars(model.recorded)]);
      facts.push(["made from", madeFrom(begin.origin)]);
    }
    if (Number.isInteger(begin.sitting?.number) && typeof begin.sitting.run === "string") facts.push(["session", inSession(begin.sitting)]);
    if (model.reused) facts.push(["not asked again", count(model.reused)]);
    const last = model.root?.turns.findLast((turn) => turn.answer !== null)?.answer.value;
    const answer = end !== null ? end.response : typeof last === "string" || last?.$s ? last : null;
    const key = JSON.stringify([model.status, answer]);
    if (key !== this.answered) {
      this.answered = key;
      this.answer = el(
        `div.result.${model.status}`,
        {},
        answer ? block(source, run, answer) : el("p.quiet", {}, model.status === "running" ? "no answer yet" : "no answer"),
        end?.reason ? el("p.note.warn", {}, start(source, run, end.reason, 600)) : null,
      );
      this.question ??= el("h1", {}, start(source, run, begin.question, 400));
    }
    replace(
      this.parts.head,
      el("div.title", {}, el(`span.status.${model.status}`, {}, model.status), this.question),
      el("dl.facts", {}, facts.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value)))),
      this.answer,
      model.odd ? el("p.note.warn", {}, `${count(model.odd)} lines of the record fit nowhere and are left out`) : null,
    );
  }

  drawTree() {
    this.tree.draw(this.node);
  }

  drawLine() {
    if (this.node === null) return;
    const labels = this.labels.size ? this.labels : null;
    const below = children(this.node).length ? this.below : null;
    const focused = this.parts.line.contains(document.activeElement) && document.activeElement.matches("canvas");
    const flip = () => {
      this.below = !this.below;
      this.drawLine();
      this.parts.line.querySelector(".toggle").focus();
    };
    replace(this.parts.line, el("h2", {}, "Time"), timeLine(this.node, this.model.now, { labels, below, flip, at: this.at, open: (one) => this.open(one.span) }));
    if (focused) this.parts.line.querySelector("canvas").focus({ preventScroll: true });
  }

  drawTurns() {
    const turns = this.node?.turns ?? [];
    this.shown = el("div.list");
    this.drawn = 0;
    const path = [];
    for (let node = this.node; node !== null && path.length < 30; node = node.call?.turn.node ?? null) path.unshift(node);
    const up = path.slice(0, -1).map((node) => el("button.go", { type: "button", click: () => this.show(node) }, `depth ${node.begin.depth} ›`));
    const asked = this.node !== null && this.node.call !== null ? block(this.source, this.run, this.node.begin.question) : null;
    const more = el("button.more", { type: "button", click: () => this.addTurns(this.drawn, this.drawn + MOST_TURNS) }, "more turns");
    replace(this.parts.turns, el("h2", {}, up, "Turns"), asked, this.shown, (this.more = more));
    this.addTurns(0, Math.min(turns.length, MOST_TURNS));
  }

  addTurns(from, to) {
    const turns = this.node?.turns ?? [];
    const views = turns.slice(from, to).map((turn) => turnView(this, turn, this.labels.get(turn.span) ?? []));
    put(this.shown, from < FILLED ? views.map((view, at) => (from + at < FILLED ? filled(view) : view)) : views);
    this.drawn = Math.min(to, turns.length);
    this.more.hidden = this.drawn >= turns.length;
  }

  drawCosts() {
    const spending = this.model.spending();
    const number = (title, value, show) => ({ title, number: true, width: title === "cost" ? "number" : "small", value, show });
    const columns = (first) => [
      { title: first, value: (row) => row.name, show: (row) => row.name },
      number("calls", (row) => row.calls, (row) => count(row.calls)),
      number("in", (row) => row.input, (row) => brief(row.input)),
      number("cached", (row) => row.cached, (row) => brief(row.cached)),
      number("out", (row) => row.output, (row) => brief(row.output)),
      number("cost", (row) => row.cost, (row) => (row.unpriced ? "unknown" : dollars(row.cost))),
    ];
    const tables = Object.entries(spending).map(([name, rows]) => {
      if (!this.orders.has(name)) this.orders.set(name, { by: null, down: false });
      return table(columns(name), rows, { label: `spent, by ${name}`, order: this.orders.get(name) });
    });
    replace(this.parts.costs, el("h2", {}, "Spent"), el("div.grid", {}, tables));
  }

  async drawCoverage() {
    const { input } = this.parts;
    const ask = async () => {
      replace(input, el("h2", {}, "Input"), el("p.quiet", { role: "status" }, "looking for what was read …"));
      try {
        replace(input, el("h2", {}, "Input"), inputStrip(this, await this.source.about(this.run, "coverage")));
      } catch (error) {
        replace(input, el("h2", {}, "Input"), el("p.quiet", {}, `what was read can't be told: ${error.message}`));
      }
    };
    if (this.model.end === null && !this.model.over) replace(input, el("h2", {}, "Input"), el("p.quiet", {}, "told when the run has ended"));
    else await ask();
  }

  // The passages that the answer quotes, each with its places in the input: rlm.coverage.quotes.
  async drawCitations() {
    const found = await this.source.about(this.run, "citations").catch(() => []);
    replace(this.parts.quotes, citationsView(found));
  }

  // What each turn does, as rlm.viewer.strategy sees it: {labels: [{span, pattern, evidence, ...}]}.
  async drawLabels() {
    const found = await this.source.about(this.run, "strategy").catch(() => ({ labels: [] }));
    this.labels.clear();
    for (const label of found.labels) this.labels.set(label.span, [...(this.labels.get(label.span) ?? []), label]);
    this.drawLine();
    [...this.shown.children].forEach((view, at) => relabel(view, this.labels.get(this.node.turns[at].span) ?? []));
  }

  about() {
    const { begin } = this.model;
    const shown = { ...begin, question: undefined, type: undefined, source: undefined };
    return el("pre.text", {}, JSON.stringify(shown, null, 1).slice(0, 20_000));
  }

  show(node) {
    this.node = node;
    this.drawTree();
    this.drawLine();
    this.drawTurns();
    this.parts.line.scrollIntoView({ block: "start" });
  }

  // Brings the turn or call of a span into view.
  open(span) {
    const found = this.model.spans.get(span);
    if (found === undefined) return;
    const turn = found.kind === "turn" ? found : found.turn;
    const node = found.kind === "node" ? found : turn?.node;
    if (node === undefined) return;
    if (node !== this.node) this.show(node);
    if (turn !== undefined) {
      const index = node.turns.indexOf(turn);
      if (index >= this.drawn) this.addTurns(this.drawn, index + 1);
    }
    const place = document.getElementById(`span-${turn?.span}`);
    if (place === null) return;
    filled(place);
    place.scrollIntoView({ block: "start" });
    place.focus({ preventScroll: true });
    if (found.kind === "call") {
      reveal(found);
      document.getElementById(`span-${span}`)?.closest(".table").scrollIntoView({ block: "nearest" });
    }
  }

  // What is drawn on a canvas, in other colours.
  recolour() {
    this.drawLine();
    this.parts.input.querySelector(".coverage")?.redraw();
  }

  // The next or the last turn, for the keys j and k.
  step(by) {
    const views = [...(this.shown?.children ?? [])];
    const at = views.findIndex((view) => view.getBoundingClientRect().bottom > 80);
    const next = views[Math.max(0, Math.min(views.length - 1, at + by))];
    next?.scrollIntoView({ block: "start" });
    next?.focus({ preventScroll: true });
  }

  leave() {
    this.left = true;
    this.stop();
  }
}

function inSession({ run, number }) {
  return el("a", { href: `#run/${encodeURIComponent(run)}` }, `question ${number} of ${run}`);
}

function madeFrom({ run, turn, way }) {
  const what = `${way} of ${run}${Number.isFinite(turn) ? `, turn ${turn}` : ""}`;
  return el("a", { href: `#run/${encodeURIComponent(run)}` }, what);
}
