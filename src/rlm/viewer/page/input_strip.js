// The input as a strip: what of it was read, by whom, and, on a click, its text.
import { brief, count, el, replace, seconds } from "./dom.js";

const CELLS = 600; // columns of a strip
const AROUND = 400; // characters on either side of a place

// `coverage` is as rlm.coverage.reach describes it.
export function inputStrip(page, coverage) {
  const parts = coverage.texts.slice(0, 200).map(([name, size], index) => ({ name, size, index }));
  const byText = parts.map(() => []);
  const place = (reader, text, start, end, how) => {
    const by = coverage.readers[reader];
    if (by !== undefined) byText[text]?.push({ start, end, how, span: by.span, who: who(by) });
  };
  for (const stretch of coverage.stretches) place(...stretch);
  for (const [of, text, start, end] of coverage.places) place(coverage.stretches[of]?.[0], text, start, end, "ambiguous");
  const below = el("div.passage", { "aria-live": "polite" });
  const strips = parts.map((part, index) => {
    const reads = byText[index];
    return el("div.part", {}, el("div.part-name", {}, part.name || "the input", el("span.quiet", {}, ` ${brief(part.size)}`)), strip(page, part, reads, below));
  });
  const more = coverage.texts.length - parts.length;
  return el(
    "div.coverage",
    {},
    el("p", {}, facts(coverage)),
    strips,
    more > 0 ? el("p.quiet", {}, `and ${count(more)} more files`) : null,
    below,
  );
}

const who = (by) =>
  `${by.kind === "prompt" ? `a sub-call of turn ${by.turn} to ${by.model}` : `${by.model} in turn ${by.turn}`} at ${seconds(by.t)}`;

function facts(coverage) {
  const share = (value) => `${(100 * (value || 0)).toFixed(value > 0 && value < 0.1 ? 2 : 1)} %`;
  const said = [`${share(coverage.share)} of ${brief(coverage.characters)} characters reached a model`];
  if (coverage.maybe) said.push(`${brief(coverage.maybe)} more may have: the same text stands elsewhere too`);
  if (coverage.untraced) said.push(`${share(coverage.untraced)} of what models read is not from the input, or was rewritten`);
  return said.join("; ");
}

function strip(page, part, reads, below) {
  const canvas = el("canvas.strip", { role: "img", tabindex: "0", "aria-label": `${part.name || "the input"}: ${reads.length} stretches read` });
  const spans = [...new Set(reads.map((read) => read.span))];
  let at = 0;

  function draw() {
    const width = canvas.clientWidth;
    if (!width) return;
    const columns = Math.min(CELLS, width);
    canvas.width = columns;
    canvas.height = 1;
    const pen = canvas.getContext("2d");
    const colours = getComputedStyle(canvas);
    const tally = new Float64Array(columns);
    const unsure = new Float64Array(columns);
    for (const read of reads) {
      const [from, to] = [(read.start / part.size) * columns, (read.end / part.size) * columns];
      for (let x = Math.max(0, Math.floor(from)); x < Math.min(columns, Math.ceil(to)); x++) {
        const share = Math.max(0, Math.min(to, x + 1) - Math.max(from, x));
        (read.how === "ambiguous" ? unsure : tally)[x] += share;
      }
    }
    pen.fillStyle = colours.getPropertyValue("--strip");
    pen.fillRect(0, 0, columns, 1);
    for (let x = 0; x < columns; x++) {
      for (const [share, name] of [[unsure[x], "--warn"], [tally[x], "--model"]]) {
        if (share <= 0) continue;
        pen.globalAlpha = Math.min(1, 0.3 + 0.7 * Math.min(1, share));
        pen.fillStyle = colours.getPropertyValue(name);
        pen.fillRect(x, 0, 1, 1);
      }
      pen.globalAlpha = 1;
    }
  }

  async function show(place) {
    at = Math.max(0, Math.min(part.size - 1, Math.round(place)));
    const by = reads.filter((read) => read.start <= at && at < read.end).slice(0, 20);
    const from = Math.max(0, at - AROUND);
    const to = Math.min(part.size, at + AROUND);
    const query = `input?text=${part.index}&start=${from}&end=${to}`;
    let text;
    try {
      text = (await page.source.about(page.run, query)).text;
    } catch (error) {
      text = null;
      replace(below, el("p.quiet", {}, `the text can't be had: ${error.message}`));
    }
    if (text === null) return;
    const marks = [...reads.filter((read) => read.start < to && read.end > from)];
    replace(
      below,
      el("h4", {}, `${part.name || "the input"}, characters ${count(from)} to ${count(to)}`),
      el("p.quiet", {}, by.length ? "read by " : "no model has read what is here", by.map((read) => go(page, read))),
      el("pre.text", {}, marked(text, from, marks)),
    );
  }

  canvas.addEventListener("click", (event) => show((event.offsetX / canvas.clientWidth) * part.size));
  canvas.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1, Enter: 0 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    show(at + (step * part.size) / 50);
  });
  new ResizeObserver(draw).observe(canvas);
  canvas.dataset.readers = String(spans.length);
  return canvas;
}

function go(page, read) {
  return el("button.go", { type: "button", click: () => page.open(read.span) }, `${read.who} (${read.how}) `);
}

// The text with what was read marked; `from` is where it begins in its part.
function marked(text, from, reads) {
  const cuts = new Set([0, text.length]);
  for (const read of reads) {
    for (const place of [read.start - from, read.end - from]) if (place > 0 && place < text.length) cuts.add(place);
  }
  const places = [...cuts].sort((a, b) => a - b);
  return places.slice(0, -1).map((place, index) => {
    const piece = text.slice(place, places[index + 1]);
    return reads.some((read) => read.start <= from + place && from + place < read.end) ? el("mark", {}, piece) : piece;
  });
}
