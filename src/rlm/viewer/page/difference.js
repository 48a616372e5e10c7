// What two texts differ in, line by line.
import { count, el } from "./dom.js";

const MOST = 600; // lines of each that are compared
const AROUND = 2; // equal lines that are shown on either side of a difference

// Lines as [sign, text]: "-" in the first text alone, "+" in the second alone, " " in both.
export function difference(one, other) {
  const [a, b] = [one, other].map((text) => text.split("\n").slice(0, MOST));
  // lengths[i][j]: of the longest list of lines that a from i and b from j have in common
  const lengths = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      lengths[i][j] = a[i] === b[j] ? lengths[i + 1][j + 1] + 1 : Math.max(lengths[i + 1][j], lengths[i][j + 1]);
    }
  }
  const rows = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      rows.push([" ", a[i++]]);
      j++;
    }
    else if (j >= b.length || (i < a.length && lengths[i + 1][j] >= lengths[i][j + 1])) rows.push(["-", a[i++]]);
    else rows.push(["+", b[j++]]);
  }
  return rows;
}

// The difference as a block; equal lines that are far from it are left out.
export function differenceView(one, other) {
  const rows = difference(one, other);
  const near = rows.map((_, at) => rows.slice(Math.max(0, at - AROUND), at + AROUND + 1).some(([sign]) => sign !== " "));
  const lines = [];
  for (let at = 0; at < rows.length; at++) {
    if (near[at]) lines.push(line(rows[at]));
    else if (at === 0 || near[at - 1]) {
      const next = near.indexOf(true, at);
      lines.push(el("div.quiet", {}, `… ${count((next < 0 ? rows.length : next) - at)} equal lines`));
    }
  }
  return el("pre.difference", { tabindex: "0", "aria-label": "how they differ, line by line" }, lines);
}

const WORDS = { "-": "only in the first: ", "+": "only in the second: " };

function line([sign, text]) {
  const kind = { "-": "div.only-one", "+": "div.only-other", " ": "div" }[sign];
  return el(kind, {}, WORDS[sign] ? el("span.unseen", {}, WORDS[sign]) : null, `${sign} ${text.slice(0, 2000)}`);
}
