// Python, coloured: strings, comments, numbers, keywords, built-in names and what is defined.
import { el, put, visible } from "./dom.js";

const TOKEN = new RegExp(
  [
    /(?<comment>#[^\n]*)/,
    /(?<string>[rbfuRBFU]{0,2}(?:"""[\s\S]*?(?:"""|$)|'''[\s\S]*?(?:'''|$)|"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?))/,
    /(?<number>\b\d[\w.]*)/,
    /(?<name>[^\W\d]\w*)/,
  ]
    .map((part) => part.source)
    .join("|"),
  "gu",
);
const KEYWORDS = new Set(
  ("and as assert async await break case class continue def del elif else except False finally for from global if import " +
    "in is lambda match None nonlocal not or pass raise return True try while with yield").split(" "),
);
const OURS = new Set(
  ("context question answer FINAL FINAL_VAR SHOW_VARS llm_query llm_query_batched llm_map rlm_query rlm_query_batched " +
    "grep chunks search outputs files output_folder").split(" "),
);
const MOST = 200_000; // characters: what is longer is shown plain

export function code(text) {
  const block = el("pre.code", { tabindex: "0" });
  if (text.length > MOST) return put(block, text);
  let last = 0;
  for (const found of text.matchAll(TOKEN)) {
    const { comment, string, number, name } = found.groups;
    const kind = comment ? "comment" : string ? "string" : number ? "number" : KEYWORDS.has(name) ? "keyword" : null;
    const shown = kind ?? (OURS.has(name) ? "ours" : null);
    if (shown === null) continue;
    block.append(visible(text.slice(last, found.index)), el(`span.${shown}`, {}, found[0]));
    last = found.index + found[0].length;
  }
  block.append(visible(text.slice(last)));
  return block;
}

// The names that a cell makes at its top level, in order.
export function made(text) {
  const names = new Set();
  for (const line of text.split("\n")) {
    const assigned = /^((?:[^\W\d]\w*\s*,\s*)*[^\W\d]\w*)\s*(?::[^=]+)?=(?!=)/u.exec(line);
    const defined = /^(?:async\s+)?(?:def|class)\s+(\w+)|^(?:async\s+)?for\s+([\w,\s]+?)\s+in\b|^with\b.*\bas\s+(\w+)\s*:/u.exec(line);
    const found = assigned ? assigned[1] : defined ? (defined[1] ?? defined[2] ?? defined[3]) : "";
    for (const name of found.split(",")) if (/^\s*[^\W\d]\w*\s*$/u.test(name)) names.add(name.trim());
  }
  return [...names];
}
