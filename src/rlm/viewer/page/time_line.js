// Who waited for whom: one row for the model, one for its cells, and a row for each call that was in flight at a time.
import { el, replace, seconds } from "./dom.js";
import { phases } from "./run_model.js";

const MOST_LANES = 96;
const EDGE = 8;

export function timeLine(node, now, { labels = null, open }) {
  const bars = barsOf(node, now);
  const lanes = pack(bars.calls);
  const from = node.turns.length ? node.turns[0].begin.t : 0;
  const ends = node.turns.reduce((last, turn) => Math.max(last, phases(turn, now).cell?.[1] ?? turn.end), from + 1e-6);
  const to = Math.max(ends, lastEnd(bars.calls));
  const height = Math.max(3, Math.min(14, Math.floor(260 / Math.max(1, lanes))));
  const rows = { label: labels ? 22 : 0, model: 18, cell: 18, gap: 6, curve: lanes ? 40 : 0 };
  const tops = { model: rows.label, cell: rows.label + rows.model, calls: rows.label + rows.model + rows.cell + rows.gap };
  tops.curve = tops.calls + lanes * height + rows.gap;
  const total = tops.curve + rows.curve + 18;
  const canvas = el("canvas", { role: "img", tabindex: "0", "aria-label": told(node, bars, lanes, to - from) });
  const tip = el("div.tip", { hidden: true, role: "status" });
  const frame = el("div.time-line", {}, canvas, tip);
  let hits = [];

  function draw() {
    const width = frame.clientWidth;
    if (!width) return;
    const sharp = window.devicePixelRatio || 1;
    canvas.width = width * sharp;
    canvas.height = total * sharp;
    canvas.style.setProperty("height", `${total}px`);
    const pen = canvas.getContext("2d");
    pen.scale(sharp, sharp);
    const colours = getComputedStyle(frame);
    const colour = (name) => colours.getPropertyValue(`--${name}`);
    const x = (time) => EDGE + ((time - from) / (to - from)) * (width - 2 * EDGE);
    hits = [];
    pen.font = `11px ${colours.fontFamily}`;
    grid(pen, x, from, to, total, colour);
    for (const bar of [...bars.turns, ...bars.calls]) {
      const top = bar.lane === undefined ? tops[bar.row] : tops.calls + Math.min(bar.lane, MOST_LANES - 1) * height;
      const tall = bar.lane === undefined ? rows[bar.row] - 3 : Math.max(1, height - 1);
      const left = x(bar.from);
      const wide = Math.max(1, x(bar.to) - left);
      pen.fillStyle = colour(bar.colour);
      pen.fillRect(left, top, wide, tall);
      hits.push([left, top, wide, tall, bar]);
      if (bar.row === "model" && wide > 26) {
        pen.fillStyle = colour("on-bar");
        pen.fillText(bar.name, left + 4, top + 11);
      }
    }
    drawLabels(pen, x, colour);
    drawCurve(pen, x, colour);
  }

  function drawLabels(pen, x, colour) {
    if (labels === null) return;
    let free = 0;
    for (const turn of node.turns) {
      const words = (labels.get(turn.span) ?? []).map((label) => label.pattern).join(", ");
      const wide = pen.measureText(words).width;
      const left = Math.max(free, Math.min(x(turn.begin.t), x(to) - wide));
      if (!words || left > x(turn.end) || left + wide > x(to) + 1) continue;
      pen.fillStyle = colour("quiet");
      pen.fillText(words, left, 13);
      free = left + wide + 12;
    }
  }

  function drawCurve(pen, x, colour) {
    if (!lanes) return;
    const steps = inFlight(bars.calls);
    const most = Math.max(1, ...steps.map(([, many]) => many));
    const y = (many) => tops.curve + rows.curve - (many / most) * (rows.curve - 12);
    pen.fillStyle = colour("call-soft");
    pen.beginPath();
    pen.moveTo(x(from), y(0));
    let before = 0;
    for (const [time, many] of steps) {
      pen.lineTo(x(time), y(before));
      pen.lineTo(x(time), y(many));
      before = many;
    }
    pen.lineTo(x(to), y(before));
    pen.lineTo(x(to), y(0));
    pen.fill();
    pen.fillStyle = colour("quiet");
    pen.fillText(`at most ${most} in flight`, EDGE, tops.curve + 9);
  }

  function under(event) {
    const box = canvas.getBoundingClientRect();
    const [left, top] = [event.clientX - box.left, event.clientY - box.top];
    return hits.findLast(([x, y, wide, tall]) => left >= x - 1 && left <= x + wide + 1 && top >= y && top <= y + tall)?.[4];
  }

  canvas.addEventListener("mousemove", (event) => {
    const bar = under(event);
    tip.hidden = bar === undefined;
    if (bar === undefined) return;
    replace(tip, `${bar.name}: ${seconds(bar.to - bar.from)}, from ${seconds(bar.from)}${bar.says ? `; ${bar.says}` : ""}`);
    tip.style.setProperty("left", `${Math.min(event.offsetX + 12, frame.clientWidth - 220)}px`);
    tip.style.setProperty("top", `${event.offsetY + 16}px`);
  });
  canvas.addEventListener("mouseleave", () => (tip.hidden = true));
  canvas.addEventListener("click", (event) => {
    const bar = under(event);
    if (bar !== undefined) open(bar.of);
  });
  new ResizeObserver(draw).observe(frame);
  return frame;
}

function barsOf(node, now) {
  const turns = [];
  const calls = [];
  for (const turn of node.turns) {
    const { model, cell } = phases(turn, now);
    const name = `turn ${turn.begin.turn}${turn.begin.wrap_up ? " (wrap-up)" : ""}`;
    turns.push({ row: "model", colour: "model", from: model[0], to: model[1], name, says: "the model writes", of: turn });
    if (cell !== null) {
      const bad = turn.cellEnd !== null && (turn.cellEnd.error || turn.cellEnd.lost);
      turns.push({ row: "cell", colour: bad ? "failed" : "cell", from: cell[0], to: cell[1], name, says: "its cell runs", of: turn });
    }
    for (const call of [...turn.calls, ...turn.tools]) {
      const to = call.end !== null ? call.end.t : now;
      const bad = call.end !== null && call.end.error;
      const kind = call.kind === "tool" ? "tool" : call.child !== null ? "child" : "call";
      calls.push({ colour: bad ? "failed" : kind, from: call.begin.t, to, name: String(call.begin.name), says: bad ? "failed" : "", of: call });
    }
  }
  return { turns, calls };
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
  return `time line: ${node.turns.length} turns and ${bars.calls.length} calls in ${seconds(lasted)}, at most ${lanes} at a time`;
}
