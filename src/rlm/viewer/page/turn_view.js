// One turn: what the model thought, its cell, what that printed, the names it made, and the calls it made.
import { brief, count, dollars, el, put, replace, seconds, visible } from "./dom.js";
import { code, made } from "./code.js";
import { block, fold, start, startNow, whenSeen } from "./stored.js";
import { table } from "./table.js";

const FENCE = /```[ \t]*[\w-]*[^\S\n]*\n/;

const unfilled = new WeakMap();

// A turn's title at once, and the rest when it comes into view: a run may have hundreds, each with its calls.
export function turnView(page, turn, labels) {
  const view = el("section.turn.waiting", { id: `span-${turn.span}`, tabindex: "-1", "aria-label": `turn ${turn.begin.turn}` });
  put(view, header(turn, labels));
  unfilled.set(view, () => body(page, turn, view));
  whenSeen(view, () => filled(view));
  return view;
}

// What a turn does, once that is known.
export function relabel(view, labels) {
  replace(view.querySelector("header .labels"), labels.map(mark));
}

const mark = (label) => el("span.label", { title: visible(label.evidence) }, label.pattern);

// The same view, with all that it has.
export function filled(view) {
  unfilled.get(view)?.();
  unfilled.delete(view);
  view.classList.remove("waiting");
  return view;
}

export const isFilled = (view) => !unfilled.has(view);

function body(page, turn, view) {
  const { source, run } = page;
  put(view, turn.requests.length ? fold("what was sent", () => requests(page, turn)) : null);
  for (const reply of turn.replies) put(view, thought(source, run, reply));
  for (const note of turn.notes) put(view, noteView(source, run, note));
  if (turn.cell !== null) put(view, cellView(source, run, turn));
  if (turn.tools.length) put(view, toolsView(page, turn));
  if (turn.calls.length) put(view, callsView(page, turn));
  if (turn.answer !== null) {
    const ready = turn.answer.ready ? "the answer" : "an answer so far";
    put(view, el("div.answer", {}, el("h4", {}, ready), block(source, run, turn.answer.value)));
  }
}

function header(turn, labels) {
  const spent = turn.replies.reduce((sum, reply) => sum + (reply.cost ?? 0), 0);
  const tokens = turn.replies.reduce((sum, { usage }) => sum + (usage?.input_tokens || 0) + (usage?.output_tokens || 0), 0);
  const facts = [
    turn.replies.length ? `${brief(tokens)} tokens` : null,
    !turn.replies.length || turn.replies.some((reply) => reply.cost === null) ? null : dollars(spent),
    turn.replies.some((reply) => reply.source === "recorded") ? "recorded" : null,
    turn.cellEnd ? `cell ${seconds(turn.cellEnd.seconds)}` : null,
    turn.calls.length ? `${count(turn.calls.length)} sub-call${turn.calls.length === 1 ? "" : "s"}` : null,
    `at ${seconds(turn.begin.t)}`,
  ];
  return el(
    "header",
    {},
    el("h3", {}, `Turn ${turn.begin.turn}`, turn.begin.wrap_up ? " · wrap-up" : ""),
    el("span.labels", {}, labels.map(mark)),
    el("span.facts", {}, facts.filter(Boolean).join(" · ")),
  );
}

function requests(page, turn) {
  return turn.requests.flatMap((request) =>
    (Array.isArray(request.messages) ? request.messages : []).map((message) =>
      el("div.message", {}, el("h4", {}, message?.role ?? "?"), block(page.source, page.run, message?.content ?? "")),
    ),
  );
}

// What the reply says before its cell; the cell itself is shown below it.
function thought(source, run, reply) {
  return block(source, run, reply.text ?? "", (text) => {
    const cell = FENCE.exec(text);
    const said = (cell ? text.slice(0, cell.index) : text).trim();
    const behind = cell ? text.slice(cell.index).split("```").slice(2).join("```").trim() : "";
    return el(
      "div",
      {},
      said ? el("p.thought", {}, said) : null,
      behind ? fold("behind its cell, not executed", () => el("p.thought.quiet", {}, behind)) : null,
    );
  });
}

function noteView(source, run, note) {
  const line = (kind, ...text) => el(`p.note.${kind}`, {}, ...text);
  switch (note.type) {
    case "nudge":
      return fold("it wrote no cell, and was told so", () => block(source, run, note.message));
    case "limit":
      return line("warn", `limit of ${note.limit}: `, start(source, run, note.message, 400));
    case "retry":
      return line("warn", `tried again after ${seconds(note.wait)}: `, start(source, run, note.reason, 300));
    case "request_failed":
      return line("bad", "no usable reply: ", start(source, run, note.error, 400));
    case "estimate": {
      const tokens = note.input_tokens === null ? "tokens unknown" : `about ${brief(note.input_tokens)} tokens in`;
      return line("quiet", `estimate: ${count(note.calls)} calls to ${note.model}, ${tokens}, ${dollars(note.usd)}`);
    }
    case "record_left":
      return line("warn", "from here on it is live: ", note.difference ? start(source, run, note.difference, 400) : "the record ends");
    case "estimate_decided":
      return note.allowed ? null : line("warn", "these calls were not allowed");
  }
  return null;
}

function cellView(source, run, turn) {
  const end = turn.cellEnd;
  const parts = [
    block(source, run, turn.cell.code, (text) => {
      const names = made(text);
      return el("div", {}, code(text), names.length ? el("p.names", {}, "makes ", names.map((name) => el("code", {}, name))) : null);
    }),
  ];
  if (end === null) return [...parts, el("p.note.quiet", {}, "it is running, or was when the record ends")];
  if (end.interrupted) parts.push(el("p.note.warn", {}, `interrupted after ${seconds(end.seconds)}`));
  if (end.lost) parts.push(el("p.note.bad", {}, "the worker was lost: ", start(source, run, end.lost, 300)));
  if (end.output_size) parts.push(el("h4", {}, "Output as the model saw it"), block(source, run, end.shown));
  if (end.error) parts.push(el("h4.bad", {}, "Error"), block(source, run, end.error));
  if (size(end.output) - size(end.shown) > 2) {
    parts.push(fold(`the whole output: ${count(end.output_size)} characters`, () => block(source, run, end.output)));
  }
  return parts;
}

function toolsView(page, turn) {
  const columns = [
    { title: "tool", width: "model", value: (tool) => tool.begin.name, show: (tool) => tool.begin.name },
    { title: "arguments", value: (tool) => tool.span, show: (tool) => el("code", {}, startNow(page.source, page.run, given(tool.begin), 200)) },
    { title: "value", value: (tool) => tool.span, show: (tool) => startNow(page.source, page.run, tool.end?.error ?? tool.end?.value ?? "", 200) },
    { title: "", label: "where it is from", width: "state", value: stateOf, show: (tool) => el(`span.state.${stateOf(tool)}`, {}, stateOf(tool)) },
    { title: "time", number: true, width: "number", value: (tool) => tool.end?.seconds ?? NaN, show: (tool) => seconds(tool.end?.seconds) },
  ];
  return [el("h4", {}, "Tools"), table(columns, turn.tools, { label: "calls of tools" })];
}

const given = ({ args, kwargs }) => (Object.keys(kwargs ?? {}).length ? [...(args ?? []), kwargs] : (args ?? []));

const SOURCES = new Set(["model", "joined", "kept", "recorded"]);

// Where the answer of a call or tool is from.
function stateOf(one) {
  if (one.end === null) return "open";
  if (one.end.error) return "failed";
  return SOURCES.has(one.end.source) ? one.end.source : one.kind === "tool" ? "ran" : "model";
}

const revealing = new WeakMap(); // turn -> what opens one of its calls

// Opens the row of a call, where its turn is drawn.
export const reveal = (call) => revealing.get(call.turn)?.(call);

function callsView(page, turn) {
  const { source, run } = page;
  const usage = (call, name) => call.end?.usage?.[name] ?? NaN;
  const columns = [
    { title: "#", number: true, width: "small", value: (call) => call.index, show: (call) => String(call.index + 1) },
    { title: "asked", value: (call) => size(call.begin.prompt), show: (call) => startNow(source, run, call.begin.prompt, 110) },
    { title: "reply", value: (call) => size(call.end?.reply), show: (call) => startNow(source, run, call.end?.error ?? call.end?.reply ?? "…", 90) },
    { title: "", label: "where it is from", width: "state", value: stateOf, show: (call) => el(`span.state.${stateOf(call)}`, {}, call.child !== null && stateOf(call) === "model" ? "child" : stateOf(call)) },
    { title: "model", width: "model", value: (call) => call.begin.model, show: (call) => call.begin.model },
    { title: "in", number: true, width: "small", value: (call) => usage(call, "input_tokens"), show: (call) => brief(usage(call, "input_tokens")) },
    { title: "out", number: true, width: "small", value: (call) => usage(call, "output_tokens"), show: (call) => brief(usage(call, "output_tokens")) },
    { title: "cost", number: true, width: "number", value: (call) => call.end?.cost ?? NaN, show: (call) => (call.end?.cost != null ? dollars(call.end.cost) : "–") },
    { title: "time", number: true, width: "number", value: (call) => call.end?.seconds ?? NaN, show: (call) => seconds(call.end?.seconds) },
  ];
  const inside = (call) => callView(page, call);
  const rows = table(columns, turn.calls, { inside, opened: page.opened, label: `sub-calls of turn ${turn.begin.turn}` });
  revealing.set(turn, rows.reveal);
  return [el("h4", {}, "Sub-calls"), rows];
}

const size = (value) => (value?.$s ? value.$s[1] : String(value ?? "").length);

function callView(page, call) {
  const { source, run } = page;
  const child = call.child;
  return el(
    "div.call",
    { id: `span-${call.span}` },
    child ? el("button.go", { type: "button", click: () => page.show(child) }, "open this child's turns") : null,
    el("h4", {}, `${call.begin.name}, asked`),
    block(source, run, call.begin.prompt),
    el("h4", {}, call.end?.error ? "Error" : "Reply"),
    call.end === null ? el("p.quiet", {}, "none yet") : block(source, run, call.end.error ?? call.end.reply ?? ""),
  );
}
