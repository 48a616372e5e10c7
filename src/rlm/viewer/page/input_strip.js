// The input as a strip: what of it was read, when and by whom, and, on a click, its text.
import { brief, count, el, put, replace, seconds } from "./dom.js";
import { table } from "./table.js";

const CELLS = 600; // columns of a strip
const SNAP = 4; // pixels about a click in which it means what was read
const AROUND = 400; // characters on either side of a place
const STRIPS = 12; // texts from which on there is one strip for all, and a table of them
const COLOURS = { root: "--model", call: "--call", child: "--child", ambiguous: "--warn" };
const WHO = { root: "the root", call: "sub-calls", child: "children", ambiguous: "it can't be told which of several places was" };

// `coverage` is as rlm.coverage.reach describes it.
export function inputStrip(page, coverage) {
  const parts = coverage.texts.map(([name, size], index) => ({ name, size, index, reads: [] }));
  const place = (reader, text, start, end, how) => {
    const by = coverage.readers[reader];
    if (by === undefined) return;
    const kind = how === "ambiguous" ? how : by.kind === "prompt" ? "call" : by.depth > 0 ? "child" : "root";
    parts[text]?.reads.push({ start, end, how, kind, t: by.t, span: by.span, who: who(by) });
  };
  for (const stretch of coverage.stretches) place(...stretch);
  for (const [of, text, start, end] of coverage.places) place(coverage.stretches[of]?.[0], text, start, end, "ambiguous");
  const view = { page, parts, until: Infinity, draws: new Set(), below: el("div.passage", { "aria-live": "polite" }) };
  const strips = parts.length > STRIPS ? many(view) : parts.map((part) => row(view, label(part), part));
  const holds = page.source.holds();
  const drawn = el("div.coverage", {}, el("p", {}, facts(coverage)), holds ? el("p.quiet", {}, holds) : null, legend(view), strips, view.below);
  drawn.redraw = () => view.draws.forEach((draw) => draw()); // in other colours
  return drawn;
}

const who = (by) =>
  `${by.kind === "prompt" ? `a sub-call of turn ${by.turn} to ${by.model}` : `${by.model} in turn ${by.turn}`} at ${seconds(by.t)}`;

const label = (part) => [part.name || "the input", el("span.quiet", {}, ` ${brief(part.size)}`)];

const row = (view, name, part) => el("div.part", {}, el("div.part-name", {}, name), strip(view, part));

function facts(coverage) {
  const said = [`${share(coverage.share)} of ${brief(coverage.characters)} characters reached a model`];
  if (coverage.maybe) said.push(`${brief(coverage.maybe)} more may have: the same text stands elsewhere too`);
  if (coverage.untraced) said.push(`${share(coverage.untraced)} of what models read is not from the input, or was rewritten`);
  return said.join("; ");
}

const share = (value) => `${(100 * (value || 0)).toFixed(value > 0 && value < 0.1 ? 2 : 1)} %`;

// What the colours are, and how far the run had come.
function legend(view) {
  const reads = view.parts.flatMap((part) => part.reads);
  const times = [...new Set(reads.map((read) => read.t))].sort((a, b) => a - b);
  if (!times.length) return null;
  const kinds = Object.keys(COLOURS).filter((kind) => reads.some((read) => read.kind === kind));
  const swatches = kinds.map((kind) => el("span.who", {}, el(`span.swatch.${kind}`), `${kind === "ambiguous" ? "" : "read by "}${WHO[kind]}`));
  const told = el("span.quiet", {}, "at the end of the run");
  const slider = el("input", { type: "range", min: 0, max: times.length - 1, value: times.length - 1, "aria-label": "what was read until then" });
  slider.addEventListener("input", () => {
    view.until = times[slider.valueAsNumber];
    const last = slider.valueAsNumber === times.length - 1;
    replace(told, last ? "at the end of the run" : `until ${seconds(view.until)}`);
    for (const draw of view.draws) draw();
  });
  return el("div.legend", {}, swatches, times.length > 1 ? el("label.when", {}, slider, told) : null);
}

// All texts as one strip, and a table of them, those that were read first.
function many(view) {
  let size = 0;
  const whole = { reads: [], starts: [], size: 0 };
  for (const part of view.parts) {
    whole.starts.push(size);
    for (const read of part.reads) whole.reads.push({ ...read, start: read.start + size, end: read.end + size });
    size += part.size;
  }
  whole.size = size;
  for (const part of view.parts) part.read = covered(part);
  const columns = [
    { title: "file", value: (part) => part.index, show: (part) => el("span.file", {}, part.name) },
    { title: "characters", number: true, width: "number", value: (part) => part.size, show: (part) => count(part.size) },
    { title: "read", number: true, width: "number", value: (part) => part.read / Math.max(1, part.size) + (part.reads.length ? 1e-9 : 0), show: (part) => (part.reads.length ? share(part.read / Math.max(1, part.size)) : "–") },
    { title: "", label: "what was read", width: "strip", value: (part) => part.reads.length, show: (part) => strip(view, part, true) },
  ];
  const files = table(columns, view.parts, { inside: (part) => strip(view, part), label: "files of the input", order: { by: 2, down: true } });
  const readers = view.parts.filter((part) => part.reads.length).length;
  const told = [`all ${count(view.parts.length)} files`, el("span.quiet", {}, ` ${brief(size)}, ${count(readers)} read from`)];
  return el("div.files", {}, row(view, told, whole), files);
}

// Characters of a text that were read for certain.
function covered(part) {
  let [sum, at] = [0, 0];
  for (const read of part.reads.filter((one) => one.kind !== "ambiguous").sort((a, b) => a.start - b.start)) {
    sum += Math.max(0, read.end - Math.max(read.start, at));
    at = Math.max(at, read.end);
  }
  return sum;
}

// The middle of what was read nearest to a place, if that is no further away: a few characters of millions are no pixel wide.
function near(part, place, far) {
  let [best, least] = [place, far];
  for (const { start, end } of part.reads) {
    if (start <= place && place < end) return place;
    const away = Math.min(Math.abs(start - place), Math.abs(end - place));
    if (away < least) [best, least] = [middle({ start, end }), away];
  }
  return best;
}

// `part`: one text, or, with `starts`, all of them one after the other. A small one is only looked at.
function strip(view, part, small = false) {
  const name = part.name ?? "all files";
  const told = { role: "img", tabindex: small ? null : "0", "aria-label": `${name || "the input"}: ${part.reads.length} stretches read` };
  const canvas = el(small ? "canvas.strip.small" : "canvas.strip", told);
  let at = 0;

  function draw() {
    if (!canvas.isConnected) return view.draws.delete(draw); // a row that has been scrolled away
    const width = canvas.clientWidth;
    if (!width) return;
    const columns = Math.min(CELLS, width);
    canvas.width = columns;
    canvas.height = 1;
    paint(canvas, columns, part, view.until);
  }

  function show(place) {
    at = Math.max(0, Math.min(part.size - 1, Math.round(place)));
    if (part.starts === undefined) return passage(view, part, at);
    const index = part.starts.findLastIndex((start) => start <= at);
    return passage(view, view.parts[index], at - part.starts[index]);
  }

  if (!small) {
    canvas.addEventListener("click", (event) => show(near(part, (event.offsetX / canvas.clientWidth) * part.size, (SNAP / canvas.clientWidth) * part.size)));
    canvas.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1, Enter: 0 }[event.key];
      if (step === undefined) return;
      event.preventDefault();
      show(at + (step * part.size) / 50);
    });
  }
  new ResizeObserver(() => (view.draws.add(draw), draw())).observe(canvas);
  return canvas;
}

function paint(canvas, columns, part, until) {
  const pen = canvas.getContext("2d");
  const colours = getComputedStyle(canvas);
  const tallies = Object.fromEntries(Object.keys(COLOURS).map((kind) => [kind, new Float64Array(columns)]));
  for (const read of part.reads) {
    if (read.t > until) continue;
    const [from, to] = [(read.start / part.size) * columns, (read.end / part.size) * columns];
    const tally = tallies[read.kind];
    for (let x = Math.max(0, Math.floor(from)); x < Math.min(columns, Math.ceil(to)); x++) {
      tally[x] += Math.max(0, Math.min(to, x + 1) - Math.max(from, x));
    }
  }
  pen.fillStyle = colours.getPropertyValue("--strip");
  pen.fillRect(0, 0, columns, 1);
  for (const kind of ["ambiguous", "call", "child", "root"]) {
    pen.fillStyle = colours.getPropertyValue(COLOURS[kind]);
    tallies[kind].forEach((tally, x) => {
      if (tally <= 0) return;
      pen.globalAlpha = 0.6 + 0.4 * Math.min(1, tally);
      pen.fillRect(x, 0, 1, 1);
    });
  }
  pen.globalAlpha = 1;
}

// The text about a place, with what of it was read marked, and by whom the place was; and the way to what was read before
// and behind it.
async function passage(view, part, at) {
  const { page, below } = view;
  const from = Math.max(0, at - AROUND);
  const to = Math.min(part.size, at + AROUND);
  const asked = (view.asked = (view.asked ?? 0) + 1);
  const by = part.reads.filter((read) => read.start <= at && at < read.end).slice(0, 20);
  const readers = by.length ? ["read by ", by.map((read) => go(page, read))] : "no model has read what is here";
  const said = [el("h4", {}, `${part.name || "the input"}, characters ${count(from)} to ${count(to)}`), el("p.quiet", {}, readers)];
  const text = await page.source.passage(page.run, part.index, from, to).then(
    ({ pieces }) => {
      const marks = part.reads.filter((read) => read.start < to && read.end > from);
      if (!pieces.length) return el("p.quiet", {}, "this file does not hold the text here");
      return el("pre.text", { tabindex: "0" }, told(pieces, from, to, marks));
    },
    (error) => el("p.quiet", {}, `the text can't be had: ${error.message}`),
  );
  if (asked !== view.asked) return; // another place has been chosen meanwhile
  const way = document.activeElement?.dataset.way;
  replace(below, ways(view, part, at), said, text);
  if (way) below.querySelector(`[data-way="${way}"]`)?.focus({ preventScroll: true });
}

function ways(view, part, at) {
  let [before, behind] = [null, null];
  for (const read of part.reads) {
    if (read.end <= at && (before === null || read.end > before.end)) before = read;
    if (read.start > at && (behind === null || read.start < behind.start)) behind = read;
  }
  const way = (name, read, words) => el("button", { type: "button", "data-way": name, "aria-disabled": read === null ? "true" : null, click: () => read && passage(view, part, middle(read)) }, words);
  return el("p.ways", {}, way("before", before, "‹ what was read before"), " ", way("behind", behind, "what was read behind ›"));
}

const middle = ({ start, end }) => Math.floor((start + end) / 2);

// Pieces of the text from one place to another, with what is missing between them.
function told(pieces, from, to, marks) {
  const shown = [];
  let at = from;
  const missing = (until) => (until > at ? el("span.quiet", {}, ` … ${count(until - at)} characters that this file does not hold … `) : null);
  for (const [start, text] of pieces) {
    shown.push(missing(start), marked(text, start, marks));
    at = start + [...text].length;
  }
  return [...shown, missing(to)];
}

function go(page, read) {
  return el("button.go", { type: "button", click: () => page.open(read.span) }, `${read.who} (${read.how}) `);
}

// The text with what was read marked; `from` is where it begins in its part. Places count code points, as in Python.
function marked(whole, from, reads) {
  const text = [...whole];
  const cuts = new Set([0, text.length]);
  for (const read of reads) {
    for (const place of [read.start - from, read.end - from]) if (place > 0 && place < text.length) cuts.add(place);
  }
  const places = [...cuts].sort((a, b) => a - b);
  return places.slice(0, -1).map((place, index) => {
    const piece = text.slice(place, places[index + 1]).join("");
    return reads.some((read) => read.start <= from + place && from + place < read.end) ? el("mark", {}, piece) : piece;
  });
}
