// Two runs side by side: what each cost, and where they part.
import { brief, count, dollars, el, replace, seconds } from "./dom.js";
import { code } from "./code.js";
import { RunModel } from "./run_model.js";
import { block, start } from "./stored.js";

export class ComparePage {
  constructor(source, runs, stage, go) {
    Object.assign(this, { source, runs, stage, go });
  }

  async load() {
    replace(this.stage, el("p.quiet", { role: "status" }, "reading both runs …"));
    const models = this.runs.map(() => new RunModel());
    await Promise.all(this.runs.map((run, index) => this.source.events(run, (events) => models[index].take(events))));
    const turns = models.map((model) => model.root?.turns ?? []);
    const part = parting(turns);
    const most = Math.max(...turns.map((list) => list.length));
    const said = part === null ? "they went the same way" : `they part at turn ${part.turn + 1}: ${part.why}`;
    replace(
      this.stage,
      el("h1", {}, "Two runs"),
      el("p.note", { id: "parting" }, said),
      el("div.pair", {}, models.map((model, index) => this.summary(model, index))),
      Array.from({ length: Math.min(most, 200) }, (_, turn) =>
        el(
          part !== null && turn >= part.turn ? "div.pair.parted" : "div.pair",
          {},
          turns.map((list, index) => this.turn(index, list[turn], turn)),
        ),
      ),
    );
  }

  summary(model, index) {
    const run = this.runs[index];
    const { begin, end } = model;
    const facts = [
      ["status", model.status],
      ["model", begin?.model],
      ["cost", dollars(model.cost)],
      ["tokens", brief(model.tokens)],
      ["turns", count(model.root?.turns.length)],
      ["time", seconds(end?.seconds ?? model.now)],
    ];
    return el(
      "div",
      {},
      el("h2", {}, el("button.go", { type: "button", click: () => this.go(["run", run]) }, run)),
      el("p", {}, start(this.source, run, begin?.question ?? "", 200)),
      el("dl.facts", {}, facts.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value ?? "–")))),
      el("div.result", {}, block(this.source, run, end?.response ?? "")),
    );
  }

  turn(index, turn, number) {
    if (turn === undefined) return el("div.turn.none", {}, el("p.quiet", {}, "no such turn"));
    const run = this.runs[index];
    const cell = turn.cell === null ? el("p.quiet", {}, "no cell") : block(this.source, run, turn.cell.code, code);
    const output = turn.cellEnd === null ? null : block(this.source, run, turn.cellEnd.error ?? turn.cellEnd.shown);
    const spent = turn.replies.reduce((sum, reply) => sum + (reply.cost ?? 0), 0);
    const facts = `${count(turn.calls.length)} sub-calls · ${dollars(spent)} · ${seconds(turn.end - turn.begin.t)}`;
    return el("div.turn", {}, el("header", {}, el("h3", {}, `Turn ${number + 1}`), el("span.facts", {}, facts)), cell, output);
  }

  step() {}

  leave() {}
}

// Where two lists of turns first differ: {turn, why}, or null. Stored strings are equal where their hashes are.
function parting([one, other]) {
  const told = (value) => (value?.$s ? value.$s[2] : JSON.stringify(value ?? null));
  const looks = [
    ["their cells differ", (turn) => told(turn.cell?.code)],
    ["the same cell gave another output", (turn) => told(turn.cellEnd?.shown)],
    ["the same cell ended another way", (turn) => told([turn.cellEnd?.error ? 1 : 0, turn.cellEnd?.interrupted])],
    ["they asked other things", (turn) => turn.calls.map((call) => told(call.begin.prompt)).sort().join()],
    ["they got other replies", (turn) => turn.calls.map((call) => told(call.end?.reply)).sort().join()],
  ];
  for (let turn = 0; turn < Math.max(one.length, other.length); turn++) {
    if (!one[turn] || !other[turn]) return { turn, why: "one of them ended before" };
    for (const [why, look] of looks) if (look(one[turn]) !== look(other[turn])) return { turn, why };
  }
  return null;
}
