// Two runs side by side: what each cost, and where they part.
import { brief, count, dollars, el, put, replace, seconds } from "./dom.js";
import { code } from "./code.js";
import { differenceView } from "./difference.js";
import { RunModel, turnsOf } from "./run_model.js";
import { block, start, whenSeen } from "./stored.js";

const MOST_TURNS = 200; // that are shown

export class ComparePage {
  constructor(source, runs, stage, go) {
    Object.assign(this, { source, runs, stage, go });
  }

  async load() {
    replace(this.stage, el("p.quiet", { role: "status" }, "reading both runs …"));
    this.models = this.runs.map(() => new RunModel());
    await Promise.all(this.runs.map((run, index) => this.source.events(run, (events) => this.models[index].take(events))));
    for (const model of this.models) if (model.begin === null) throw new Error("the record of one of them is empty");
    const turns = this.models.map((model) => model.root?.turns ?? []);
    const part = parting(turns);
    const most = Math.max(...turns.map((list) => list.length));
    const rows = Array.from({ length: Math.min(most, MOST_TURNS) }, (_, turn) =>
      el(
        part !== null && turn >= part.turn ? "div.pair.parted" : "div.pair",
        { tabindex: "-1", "aria-label": `turn ${turn + 1} of both` },
        turns.map((list, index) => this.turn(index, list[turn], turn)),
      ),
    );
    this.rows = rows;
    replace(
      this.stage,
      el("h1", {}, "Two runs"),
      this.parted(part, rows),
      this.costs(),
      el("div.pair", {}, this.models.map((model, index) => this.answer(model, index))),
      rows,
      most > rows.length ? el("p.quiet", {}, `and ${count(most - rows.length)} more turns`) : null,
    );
  }

  // Where they part, how, and the way there.
  parted(part, rows) {
    if (part === null) return el("p.note", { id: "parting" }, "they went the same way");
    const said = el("p.note", {}, el("span", { id: "parting" }, `they part at turn ${part.turn + 1}: ${part.why}`));
    const place = rows[part.turn];
    if (place !== undefined) put(said, [" ", el("button.go", { type: "button", click: () => this.to(place) }, "go there")]);
    return [said, part.texts ? this.differ(part.texts) : null];
  }

  differ(values) {
    const holder = el("div");
    const texts = () => Promise.all(values.map((value, index) => this.source.text(this.runs[index], value ?? "")));
    whenSeen(holder, async () => replace(holder, await texts().then(([one, other]) => differenceView(one, other), (error) => el("p.bad", {}, error.message))));
    return holder;
  }

  to(place) {
    place.scrollIntoView({ block: "start" });
    place.focus({ preventScroll: true });
  }

  // What each was and took, and the difference where there can be one.
  costs() {
    const { models } = this;
    const row = (name, show, value = null) => {
      const [one, other] = value === null ? [NaN, NaN] : models.map(value);
      const change = one > 0 && other > 0 ? `× ${(other / one).toFixed(2)}` : "";
      return el("tr", {}, el("th", { scope: "row" }, name), models.map((model) => el("td", {}, show(model))), el("td.quiet", {}, change));
    };
    const calls = (model) => model.nodes.reduce((sum, node) => sum + node.turns.reduce((all, turn) => all + turn.calls.length, 0), 0);
    const time = (model) => model.end?.seconds ?? model.now;
    const heads = this.runs.map((run) => el("th", { scope: "col" }, el("button.go", { type: "button", click: () => this.go(["run", run]) }, run)));
    return el(
      "div.table.versus",
      { tabindex: "0" },
      el(
        "table",
        { "aria-label": "what each run took" },
        el("thead", {}, el("tr", {}, el("td"), heads, el("td"))),
        el(
          "tbody",
          {},
          row("question", (model) => start(this.source, this.runs[models.indexOf(model)], model.begin.question, 200)),
          row("status", (model) => el(`span.status.${model.status}`, {}, model.status)),
          row("model", (model) => model.begin.model),
          row("cost", (model) => dollars(model.cost), (model) => model.cost ?? NaN),
          row("tokens", (model) => brief(model.tokens), (model) => model.tokens),
          row("turns", (model) => count(turnsOf(model.root)), (model) => turnsOf(model.root)),
          row("sub-calls", (model) => count(calls(model)), calls),
          row("time", (model) => seconds(time(model)), time),
        ),
      ),
    );
  }

  answer(model, index) {
    const said = model.end?.response ?? "";
    return el("div", {}, el("h2", {}, "Answer"), el(`div.result.${model.status}`, {}, said ? block(this.source, this.runs[index], said) : el("p.quiet", {}, "no answer")));
  }

  turn(index, turn, number) {
    if (turn === undefined) return el("div.turn.none", {}, el("p.quiet", {}, "no such turn"));
    const run = this.runs[index];
    const cell = turn.cell === null ? el("p.quiet", {}, "no cell") : block(this.source, run, turn.cell.code, code);
    const output = turn.cellEnd === null ? null : block(this.source, run, turn.cellEnd.error ?? turn.cellEnd.shown);
    const spent = turn.replies.reduce((sum, reply) => sum + (reply.cost ?? 0), 0) + turn.calls.reduce((sum, call) => sum + (call.end?.cost ?? 0), 0);
    const facts = `${count(turn.calls.length)} sub-calls · ${dollars(spent)} · ${seconds(turn.end - turn.begin.t)}`;
    return el("div.turn", {}, el("header", {}, el("h3", {}, `Turn ${number + 1}`), el("span.facts", {}, facts)), cell, output);
  }

  // The next or the last turn of both, for the keys j and k.
  step(by) {
    const at = this.rows?.findIndex((row) => row.getBoundingClientRect().bottom > 80) ?? -1;
    const next = at < 0 ? undefined : this.rows[Math.max(0, Math.min(this.rows.length - 1, at + by))];
    if (next !== undefined) this.to(next);
  }

  leave() {}
}

// Where two lists of turns first differ: {turn, why, texts}, or null. Stored strings are equal where their hashes are.
function parting([one, other]) {
  const told = (value) => (value?.$s ? value.$s[2] : JSON.stringify(value ?? null));
  const text = (value) => (typeof value === "string" || value?.$s ? value : null);
  const looks = [
    ["their cells differ", (turn) => told(turn.cell?.code), (turn) => text(turn.cell?.code)],
    ["the same cell gave another output", (turn) => told(turn.cellEnd?.shown), (turn) => text(turn.cellEnd?.shown)],
    ["the same cell ended another way", (turn) => told([turn.cellEnd?.error ? 1 : 0, turn.cellEnd?.interrupted])],
    ["they asked other things", (turn) => turn.calls.map((call) => told(call.begin.prompt)).sort().join()],
    ["they got other replies", (turn) => turn.calls.map((call) => told(call.end?.reply)).sort().join()],
  ];
  for (let turn = 0; turn < Math.max(one.length, other.length); turn++) {
    if (!one[turn] || !other[turn]) return { turn, why: "one of them ended before" };
    for (const [why, look, shown] of looks) {
      if (look(one[turn]) === look(other[turn])) continue;
      const texts = shown ? [shown(one[turn]), shown(other[turn])] : [null];
      return { turn, why, texts: texts.includes(null) ? null : texts };
    }
  }
  return null;
}
