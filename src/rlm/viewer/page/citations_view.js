// The passages that an answer quotes: where each stands in the input, or that it does not.
import { count, el } from "./dom.js";
import { fold } from "./stored.js";

const MOST = 200; // passages that are listed

export function citationsView(citations) {
  if (!Array.isArray(citations) || !citations.length) return null;
  const found = citations.filter((one) => one.places.length).length;
  const odd = citations.some((one) => one.how === "unsupported");
  const said = `${count(found)} of ${count(citations.length)} quotes of the answer stand in the input`;
  const list = () => el("ul.quotes", {}, citations.slice(0, MOST).map(line));
  return fold(said, list, odd);
}

function line(one) {
  const place = one.places[0];
  const where = place && `${place.name ? `${place.name}, ` : ""}line ${count(place.line)}, character ${count(place.character)}`;
  const more = one.places.length > 1 ? `, and ${one.places.length - 1} more places` : "";
  const unknown = one.how === "unchecked" ? "not looked for" : "not in the input";
  return el(
    "li",
    {},
    el("q", {}, one.text.length > 200 ? one.text.slice(0, 200) + "…" : one.text),
    el(place || one.how === "unchecked" ? "span.quiet" : "span.bad", {}, ` ${place ? where + more : unknown}${one.how === "loose" ? " (loosely)" : ""}`),
  );
}
