// Text of a trace that is fetched when it comes into view or is opened.
import { brief, el, put, replace } from "./dom.js";
import { isStored } from "./source.js";

const SHOWN = 20_000; // characters at first
const MOST_INSIDE = 1000; // stored strings of one value that are fetched

// A block of text; `draw` makes an element of it, a plain one by default.
export function block(source, run, value, draw = plain) {
  const holder = el("div.stored");
  if (!isObject(value)) return put(holder, draw(String(value)));
  put(holder, el("p.quiet", {}, isStored(value) ? `${brief(value.$s[1])} bytes …` : "…"));
  const load = async () => {
    try {
      replace(holder, draw(await asText(source, run, value, 1)));
    } catch (error) {
      replace(holder, el("p.bad", {}, `it can't be read: ${error.message}`));
    }
  };
  whenSeen(holder, load);
  return holder;
}

export function plain(text) {
  if (text === "") return el("p.quiet", {}, "(empty)");
  const shown = el("pre.text", { tabindex: "0" }, text.slice(0, SHOWN));
  if (text.length <= SHOWN) return shown;
  const more = el("button.more", { type: "button", click: () => replace(shown.parentNode, el("pre.text", {}, text)) });
  put(more, `show all ${brief(text.length)} characters`);
  return el("div", {}, shown, more);
}

// The beginning of a text; of a stored one it is fetched when it is seen, and no more of it than is shown.
export function start(source, run, value, length) {
  const holder = el("span.start");
  if (isObject(value)) whenSeen(holder, () => begin(holder, source, run, value, length));
  else begin(holder, source, run, value, length);
  return holder;
}

// The same, fetched at once: for a row that is only made when it is in view.
export function startNow(source, run, value, length) {
  const holder = el("span.start");
  begin(holder, source, run, value, length);
  return holder;
}

function begin(holder, source, run, value, length) {
  const show = (text) => replace(holder, text.slice(0, length * 4).replace(/\s+/g, " ").trim().slice(0, length));
  if (!isObject(value)) return show(String(value ?? ""));
  const asked = isStored(value) ? source.text(run, value, length * 4) : asText(source, run, value, 0);
  return asked.catch(() => "(unreadable)").then(show);
}

const isObject = (value) => value !== null && typeof value === "object";

// A value as text: a string as it is, anything else as JSON, with the stored strings that stand anywhere in it.
async function asText(source, run, value, indent) {
  const whole = await unpacked(source, run, value, { left: MOST_INSIDE });
  return typeof whole === "string" ? whole : JSON.stringify(whole, null, indent);
}

async function unpacked(source, run, value, budget) {
  if (isStored(value)) return budget.left-- > 0 ? source.text(run, value) : "…";
  if (Array.isArray(value)) return Promise.all(value.map((item) => unpacked(source, run, item, budget)));
  if (!isObject(value)) return value;
  const inside = Object.entries(value).map(async ([key, item]) => [key.replace(/^\$/, ""), await unpacked(source, run, item, budget)]);
  return Object.fromEntries(await Promise.all(inside));
}

const waiting = new WeakMap();
const seen = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      seen.unobserve(entry.target);
      waiting.get(entry.target)?.();
    }
  },
  { rootMargin: "300px" },
);

export function whenSeen(node, act) {
  waiting.set(node, act);
  seen.observe(node);
}

// A part that is made when it is opened for the first time.
export function fold(title, make, open = false) {
  const details = el("details", { open }, el("summary", {}, title));
  let done = false;
  const fill = () => {
    if (!details.open || done) return;
    done = true;
    put(details, make());
  };
  details.addEventListener("toggle", fill);
  fill();
  return details;
}
