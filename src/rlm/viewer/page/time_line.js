// Who waited for whom: one row for the model, one for its cells, and a row for each call that was in flight at a time.
import { el, replace, seconds } from "./dom.js";
import { phases } from "./run_model.js";

const MOST_LANES = 96;
const EDGE = 8;
const GUTTER = 62; // pixels for the names of the rows
const NARROW = 600; // pixels of width below which there are none

// `at`: the turn that the keys are at, kept by the caller where the line is made again.
// `below`: whether calls of the node's children, and of theirs, are there too; null: it has none. `flip` turns that over.
export function timeLine(node, now, { labels = null, open, below = null, flip = null, at = { turn: null } }) {
  const bars = barsOf(node, now, below === true);
  const lanes = pack(bars.calls);
  const steps = inFlight(bars.calls);
  const models = bars.turns.filter((bar) => bar.row === "model");
  const from = node.turns.length ? node.turns[0].begin.t : 0;
  const ends = node.turns.reduce((last, turn) => Math.max(last, phases(turn, now).cell?.[1] ?? turn.end), from + 1e-6);
  const to = Math.max(ends, lastEnd(bars.calls));
  const height = Math.max(4, Math.min(14, Math.floor(260 / Math.max(1, lanes))));
  const rows = { label: labels ? 22 : 0, model: 18, cell: 18, gap: 6, curve: lanes ? 40 : 0 };
  const tops = { model: rows.label, cell: rows.label + rows.model, calls: rows.label + rows.model + rows.cell + rows.gap };
  tops.curve = tops.calls + lanes * height + rows.gap;
  const total = tops.curve + rows.curve + 18;
  const canvas = el("canvas", { role: "application", tabindex: "0", "aria-label": told(node, bars, lanes, to - from) });
  const tip = el("div.tip", { hidden: true, role: "status" });
  const frame = el("div.time-line", {}, canvas, tip);
  let hits = [];
  let chosen = models.findIndex((bar) => bar.of.span === at.turn); // the bar that the keys are at

  function draw() {
    const width = frame.clientWidth;
    if (!width) return;
    const sharp = window.devicePixelRatio || 1;
    canvas.width = width * sharp;
    canvas.height = total * sharp;
    canvas.style.setProperty("height", `${total}px`);
    const pen = canvas.getContext("2d");
    pen.scale(sharp, sharp);
    const styles = getComputedStyle(frame);
    const known = new Map();
    const colour = (name) => known.get(name) ?? known.set(name, styles.getPropertyValue(`--${name}`)).get(name);
    const edge = width > NARROW ? GUTTER : EDGE;
    const x = (time) => edge + ((time - from) / (to - from)) * (width - edge - EDGE);
    pen.font = `11px ${styles.fontFamily}`;
    grid(pen, x, from, to, total, colour);
    if (edge === GUTTER) names(pen, colour);
    drawBars(pen, x, colour);
    drawLabels(pen, x, colour);
    drawCurve(pen, x, colour, width);
  }

  function names(pen, colour) {
    pen.fillStyle = colour("quiet");
    pen.fillText("model", EDGE, tops.model + 11);
    pen.fillText("cell", EDGE, tops.cell + 11);
    if (lanes) pen.fillText("calls", EDGE, tops.calls + Math.min(11, lanes * height));
    if (lanes) pen.fillText("in flight", EDGE, tops.curve + rows.curve - 2);
  }

  // Bars that would only paint over the pixels of the one before them are left out: of 10,000 calls most are.
  function drawBars(pen, x, colour) {
    hits = [];
    const ends = new Map(); // of a row of pixels: where it is painted to, and how
    for (const bar of [...bars.turns, ...bars.calls]) {
      const top = bar.lane === undefined ? tops[bar.row] : tops.calls + Math.min(bar.lane, MOST_LANES - 1) * height;
      const tall = bar.lane === undefined ? rows[bar.row] - 3 : Math.max(1, height - 1);
      const left = x(bar.from);
      const wide = Math.max(1, x(bar.to) - left);
      const last = ends.get(top);
      if (last !== undefined && last.to >= left + wide - 0.5 && last.colour === bar.colour) continue;
      ends.set(top, { to: left + wide, colour: bar.colour });
      pen.fillStyle = colour(bar.colour);
      pen.fillRect(left, top, wide, tall);
      hits.push([left, top, wide, tall, bar]);
      if (bar.row !== "model") continue;
      const name = pen.measureText(bar.name).width + 8 <= wide ? bar.name : String(bar.of.begin.turn);
      if (pen.measureText(name).width + 6 > wide) continue;
      pen.fillStyle = colour("on-bar");
      pen.fillText(name, left + 4, top + 11);
    }
    if (chosen >= 0) outline(pen, x, colour);
  }

  function outline(pen, x, colour) {
    const bar = models[chosen];
    pen.strokeStyle = colour("text");
    pen.lineWidth = 2;
    pen.strokeRect(x(bar.from) - 1, tops.model - 1, Math.max(3, x(bar.to) - x(bar.from) + 2), rows.model - 1);
    pen.lineWidth = 1;
  }

  function drawLabels(pen, x, colour) {
    if (labels === null) return;
    let free = 0;
    for (const turn of node.turns) {
      const words = (labels.get(turn.span) ?? []).map((label) => label.pattern).join(", ");
      if (!words || x(turn.end) < free) continue;
      const wide = pen.measureText(words).width;
      const left = Math.max(free, Math.min(x(turn.begin.t), x(to) - wide));
      if (left > x(turn.end) || left + wide > x(to) + 1) continue;
      pen.fillStyle = colour("quiet");
      pen.fillText(words, left, 13);
      free = left + wide + 12;
    }
  }

  // How many calls were in flight: the most of them in each column of pixels.
  function drawCurve(pen, x, colour, width) {
    if (!lanes) return;
    const columns = new Int32Array(Math.ceil(width) + 1);
    let [many, most, last] = [0, 1, 0];
    for (const [time, after] of steps) {
      const column = Math.max(0, Math.min(columns.length - 1, Math.floor(x(time))));
      for (let at = last; at <= column; at++) columns[at] = Math.max(columns[at], many);
      [many, last] = [after, column];
      columns[column] = Math.max(columns[column], many);
      most = Math.max(most, many);
    }
    const parts = [];
    for (let at = 0; at < columns.length; ) {
      let next = at + 1;
      while (next < columns.length && columns[next] === columns[at]) next++;
      if (columns[at]) parts.push([at, next - at, (columns[at] / most) * (rows.curve - 12)]);
      at = next;
    }
    const ground = tops.curve + rows.curve;
    pen.fillStyle = colour("call-soft");
    for (const [at, wide, tall] of parts) pen.fillRect(at, ground - tall, wide, tall);
    pen.fillStyle = colour("call");
    for (const [at, wide, tall] of parts) pen.fillRect(at, ground - tall, wide, 1);
    const busiest = columns.indexOf(most); // said where that is
    const words = `at most ${most} in flight`;
    pen.fillStyle = colour("quiet");
    pen.fillText(words, Math.max(x(from), Math.min(busiest, x(to) - pen.measureText(words).width)), tops.curve + 9);
  }

  function under(event) {
    const box = canvas.getBoundingClientRect();
    const [left, top] = [event.clientX - box.left, event.clientY - box.top];
    return hits.findLast(([x, y, wide, tall]) => left >= x - 1 && left <= x + wide + 1 && top >= y && top <= y + tall)?.[4];
  }

  function show(bar, left, top) {
    tip.hidden = false;
    replace(tip, `${bar.name}: ${seconds(bar.to - bar.from)}, from ${seconds(bar.from)}${bar.says ? `; ${bar.says}` : ""}`);
    tip.style.setProperty("left", `${Math.max(0, Math.min(left, frame.clientWidth - 220))}px`);
    tip.style.setProperty("top", `${top}px`);
  }

  function choose(place) {
    chosen = place;
    at.turn = models[chosen].of.span;
    draw();
    const hit = hits.find(([, , , , bar]) => bar === models[chosen]);
    show(models[chosen], hit ? hit[0] : 0, tops.cell + 4);
  }

  canvas.addEventListener("mousemove", (event) => {
    const bar = under(event);
    if (bar === undefined) tip.hidden = true;
    else show(bar, event.offsetX + 12, event.offsetY + 16);
  });
  canvas.addEventListener("mouseleave", () => (tip.hidden = true));
  canvas.addEventListener("click", (event) => {
    const bar = under(event);
    if (bar !== undefined) open(bar.of);
  });
  // With the keys: the arrows go from turn to turn, Enter opens one.
  canvas.addEventListener("keydown", (event) => {
    const to = { ArrowRight: chosen + 1, ArrowLeft: chosen - 1, Home: 0, End: models.length - 1 }[event.key];
    if (event.key === "Enter" && chosen >= 0) open(models[chosen].of);
    else if (to === undefined || !models.length) return;
    else choose(Math.max(0, Math.min(models.length - 1, to)));
    event.preventDefault();
  });
  // Made again while the keys were at a turn, the line is focused anew, and still says what that turn is.
  canvas.addEventListener("focus", () => {
    if (chosen >= 0) choose(chosen);
  });
  canvas.addEventListener("blur", () => {
    if (chosen < 0 || !canvas.isConnected) return;
    [chosen, at.turn, tip.hidden] = [-1, null, true];
    draw();
  });
  new ResizeObserver(draw).observe(frame);
  const words = "with the calls of its children";
  const toggle = below === null ? null : el("button.toggle", { type: "button", "aria-pressed": String(below), click: flip }, words);
  return el("div", {}, frame, legend(bars, toggle));
}

const SAYS = { model: "the model writes", cell: "a cell runs", call: "a sub-call", child: "a child", tool: "a tool", failed: "failed" };

function legend(bars, toggle) {
  const kinds = new Set([...bars.turns, ...bars.calls].map((bar) => bar.colour));
  const shown = Object.keys(SAYS).filter((kind) => kinds.has(kind));
  return el("div.legend", {}, shown.map((kind) => el("span.who", {}, el(`span.swatch.is-${kind}`), SAYS[kind])), toggle);
}

function barsOf(node, now, below) {
  const turns = [];
  const calls = [];
  const waiting = below ? children(node) : [];
  for (const turn of node.turns) {
    const { model, cell } = phases(turn, now);
    const name = `turn ${turn.begin.turn}${turn.begin.wrap_up ? " (wrap-up)" : ""}`;
    turns.push({ row: "model", colour: "model", from: model[0], to: model[1], name, says: "the model writes", of: turn });
    if (cell !== null) {
      const bad = turn.cellEnd !== null && (turn.cellEnd.error || turn.cellEnd.lost);
      turns.push({ row: "cell", colour: bad ? "failed" : "cell", from: cell[0], to: cell[1], name, says: "its cell runs", of: turn });
    }
    for (const call of [...turn.calls, ...turn.tools]) calls.push(barOf(call, now, ""));
  }
  while (waiting.length) {
    const child = waiting.pop();
    const depth = `, at depth ${child.begin.depth}`;
    for (const turn of child.turns) for (const call of [...turn.calls, ...turn.tools]) calls.push(barOf(call, now, depth));
    waiting.push(...children(child));
  }
  return { turns, calls };
}

export const children = (node) => node.turns.flatMap((turn) => turn.calls.map((call) => call.child).filter((child) => child !== null));

function barOf(call, now, where) {
  const bad = call.end !== null && call.end.error;
  const kind = call.kind === "tool" ? "tool" : call.child !== null ? "child" : "call";
  const to = call.end !== null ? call.end.t : now;
  return { colour: bad ? "failed" : kind, from: call.begin.t, to, name: `${call.begin.name}${where}`, says: bad ? "failed" : "", of: call };
}

// Puts each bar into the first row that is free when it begins; how many rows that took.
function pack(bars) {
  const free = [];
  bars.sort((a, b) => a.from - b.from);
  for (const bar of bars) {
    let lane = free.findIndex((time) => time <= bar.from);
    if (lane < 0) lane = free.length < MOST_LANES ? free.length : MOST_LANES - 1;
    free[lane] = bar.to;
    bar.lane = lane;
  }
  return free.length;
}

const lastEnd = (bars) => bars.reduce((last, bar) => Math.max(last, bar.to), 0);

function inFlight(bars) {
  const steps = bars.flatMap((bar) => [[bar.from, 1], [bar.to, -1]]).sort((a, b) => a[0] - b[0]);
  let many = 0;
  return steps.map(([time, step]) => [time, (many += step)]);
}

function grid(pen, x, from, to, total, colour) {
  const rough = (to - from) / 8;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((part) => part * power).find((part) => part >= rough);
  pen.fillStyle = colour("quiet");
  pen.strokeStyle = colour("line");
  const first = Math.ceil(from / step);
  for (let line = 0; line <= 10; line++) {
    const time = (first + line) * step;
    if (!(time <= to)) break;
    pen.beginPath();
    pen.moveTo(x(time), 0);
    pen.lineTo(x(time), total - 16);
    pen.stroke();
    pen.fillText(step < 1 ? `${time.toFixed(Math.ceil(-Math.log10(step)))} s` : seconds(time), Math.min(x(time) + 2, x(to) - 40), total - 4);
  }
}

function told(node, bars, lanes, lasted) {
  const many = (list, word) => `${list.length} ${word}${list.length === 1 ? "" : "s"}`;
  return `time line: ${many(node.turns, "turn")} and ${many(bars.calls, "call")} in ${seconds(lasted)}, at most ${lanes} at a time`;
}
