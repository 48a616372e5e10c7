// The flat events of a run as the tree that they describe. A trace may be hostile: what does not fit is left out.

import { TASK } from "./wording.js";

const number = (value) => (Number.isFinite(value) ? value : 0);

// What was asked; of a whole request, which has no question beside it, its text.
const asked = (question, begin) => (question?.$s?.[2] === TASK ? (begin?.source?.text ?? question) : question);

export class RunModel {
  constructor() {
    this.begin = null;
    this.end = null;
    this.root = null;
    this.nodes = [];
    this.now = 0;
    this.over = false; // nobody writes it any more
    this.odd = 0; // events that fit nowhere
    this.spans = new Map();
    this.reused = 0;
    this.events = 0;
    this.spent = null; // of so many events
  }

  take(events) {
    this.events += events.length;
    for (const event of events) {
      if (event === null || !this.add(event)) this.odd += 1;
    }
  }

  add(event) {
    const span = event.span ?? 0;
    event.t = Math.max(0, number(event.t));
    this.now = Math.max(this.now, event.t);
    const at = this.spans.get(span);
    switch (event.type) {
      case "run_begin":
        event.question = asked(event.question, event);
        this.begin = event;
        return true;
      case "run_end":
        this.end = event;
        return true;
      case "node_begin":
        return this.addNode(event, span);
      case "turn_begin":
        return this.addTo(event.parent, "node", (node) => {
          const turn = { kind: "turn", span, begin: event, node, requests: [], replies: [], notes: [] };
          Object.assign(turn, { calls: [], tools: [], cell: null, cellEnd: null, answer: null, end: event.t });
          node.turns.push(turn);
          this.spans.set(span, turn);
        });
      case "call_begin":
        return this.addTo(event.parent, "turn", (turn) => {
          const call = { kind: "call", span, begin: event, end: null, child: null, turn, index: turn.calls.length };
          turn.calls.push(call);
          this.spans.set(span, call);
        });
      case "tool_begin":
        return this.addTo(event.parent, "turn", (turn) => {
          const tool = { kind: "tool", span, begin: event, end: null };
          turn.tools.push(tool);
          this.spans.set(span, tool);
        });
      case "estimate":
        return this.addTo(event.parent, "turn", (turn) => {
          turn.notes.push(event);
          this.spans.set(span, { kind: "estimate", turn, begin: event });
        });
    }
    return at !== undefined && this.addToSpan(event, at);
  }

  addNode(event, span) {
    const call = this.spans.get(event.parent);
    event.question = asked(event.question, this.begin);
    const node = { kind: "node", span, begin: event, turns: [], end: null, call: null };
    if (call !== undefined && call.kind === "call") {
      call.child = node;
      node.call = call;
    } else if (this.root !== null) {
      return false;
    } else {
      this.root = node;
    }
    this.nodes.push(node);
    this.spans.set(span, node);
    return true;
  }

  addTo(parent, kind, add) {
    const found = this.spans.get(parent);
    if (found === undefined || found.kind !== kind) return false;
    add(found);
    return true;
  }

  addToSpan(event, at) {
    if (at.kind === "turn") at.end = Math.max(at.end, event.t);
    switch (`${at.kind} ${event.type}`) {
      case "turn request":
        at.requests.push(event);
        return true;
      case "turn reply":
        at.replies.push(event);
        return true;
      case "turn cell_begin":
        at.cell = event;
        return true;
      case "turn cell_end":
        at.cellEnd = event;
        return true;
      case "turn answer":
        at.answer = event;
        return true;
      case "call call_end":
      case "tool tool_end":
        this.reused += event.source === "joined" || event.source === "kept" ? 1 : 0;
        at.end = event;
        return true;
      case "node node_end":
        at.end = event;
        return true;
      case "estimate estimate_decided":
        at.turn.notes.push(event);
        return true;
    }
    const turn = at.kind === "call" ? at.turn : at.kind === "turn" ? at : null;
    if (turn === null) return at.kind === "node";
    turn.notes.push(event);
    return true;
  }

  // What was spent, by model, by depth and by turn of the root: rows of {name, calls, input, output, cost}.
  spending() {
    if (this.spent?.events === this.events) return this.spent.by;
    const by = { model: new Map(), depth: new Map(), turn: new Map() };
    const charge = (table, name, event) => {
      const row = by[table].get(name) ?? { name, calls: 0, input: 0, output: 0, cached: 0, cost: 0, unpriced: 0 };
      const usage = event.usage ?? {};
      row.calls += number(usage.calls);
      row.input += number(usage.input_tokens);
      row.output += number(usage.output_tokens);
      row.cached += number(usage.cached_tokens);
      row.cost += number(event.cost);
      row.unpriced += event.cost === null && usage.calls ? 1 : 0;
      by[table].set(name, row);
    };
    for (const node of this.nodes) {
      const top = rootTurn(node);
      for (const turn of node.turns) {
        const turnName = `turn ${(top ?? turn).begin.turn}`;
        for (const reply of turn.replies) {
          charge("model", String(node.begin.model), reply);
          charge("depth", `depth ${node.begin.depth}: roots`, reply);
          charge("turn", turnName, reply);
        }
        for (const call of turn.calls) {
          if (call.child !== null || call.end === null) continue; // a child's own replies are counted
          charge("model", String(call.begin.model), call.end);
          charge("depth", `depth ${node.begin.depth}: sub-calls`, call.end);
          charge("turn", turnName, call.end);
        }
      }
    }
    this.spent = { events: this.events, by: Object.fromEntries(Object.entries(by).map(([name, rows]) => [name, [...rows.values()]])) };
    return this.spent.by;
  }

  get tokens() {
    return this.spending().model.reduce((sum, row) => sum + row.input + row.output, 0);
  }

  get cost() {
    if (this.end !== null) return this.end.cost;
    const rows = this.spending().model;
    return rows.some((row) => row.unpriced) ? null : rows.reduce((sum, row) => sum + row.cost, 0);
  }

  // US dollars of what was not asked, since the run that this one was made from had been answered; null: unknown.
  get recorded() {
    const turns = this.nodes.flatMap((node) => node.turns);
    const calls = turns.flatMap((turn) => turn.calls).filter((call) => call.child === null);
    const ends = [...turns.flatMap((turn) => turn.replies), ...calls.map((call) => call.end)];
    const served = ends.filter((end) => end?.source === "recorded");
    return served.some((end) => end.cost === null) ? null : served.reduce((sum, end) => sum + number(end.cost), 0);
  }

  get status() {
    return this.end !== null ? String(this.end.status) : this.over ? "killed" : "running";
  }
}

// Turns as the limit counts them: one that was nudged goes on with its number.
export function turnsOf(node) {
  if (Number.isFinite(node?.end?.turns)) return node.end.turns;
  return new Set((node?.turns ?? []).filter((turn) => !turn.begin.wrap_up).map((turn) => turn.begin.turn)).size;
}

// The turn of the root that a node is below, or null for the root itself.
function rootTurn(node) {
  let turn = null;
  for (let steps = 0; node.call !== null && steps < 1000; steps++) {
    turn = node.call.turn;
    node = turn.node;
  }
  return turn;
}

// When a turn waited for its model, and when its cell ran: [begin, end] in seconds.
export function phases(turn, now) {
  const asked = turn.requests.length ? turn.requests[0].t : turn.begin.t;
  const answered = turn.replies.length ? turn.replies.at(-1).t : turn.cell !== null ? turn.cell.t : turn.end;
  const cell = turn.cell === null ? null : [turn.cell.t, turn.cellEnd !== null ? turn.cellEnd.t : now];
  return { model: [asked, Math.max(asked, turn.replies.length || turn.cell ? answered : now)], cell };
}
