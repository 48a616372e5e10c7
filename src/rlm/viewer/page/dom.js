// Elements are made here alone, and text goes in as text: nothing of a trace is ever parsed as HTML.

// Characters that would hide or reorder what stands around them are shown by name.
const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

export function visible(text) {
  return String(text).replace(HIDDEN, (sign) => {
    const code = sign.charCodeAt(0);
    return code < 32 ? String.fromCharCode(0x2400 + code) : `⟨U+${code.toString(16).toUpperCase().padStart(4, "0")}⟩`;
  });
}

export function el(what, attributes, ...children) {
  const [name, ...classes] = what.split(".");
  const node = document.createElement(name);
  if (classes.length) node.className = classes.join(" ");
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") node.addEventListener(key, value);
    else if (key === "href" && !String(value).startsWith("#")) throw new Error("links stay on this page");
    else node.setAttribute(key, value === true ? "" : String(value));
  }
  put(node, children);
  return node;
}

export function put(node, children) {
  for (const child of [children].flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    node.append(child instanceof Node ? child : document.createTextNode(visible(child)));
  }
  return node;
}

export function replace(node, ...children) {
  node.replaceChildren();
  return put(node, children);
}

// Numbers, as they are shown everywhere.
const WHOLE = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 }); // made once: that is most of what it takes
export const count = (number) => (Number.isFinite(number) ? WHOLE.format(number) : "–");

export function brief(number) {
  if (!Number.isFinite(number)) return "–";
  if (number < 1000) return String(Math.round(number));
  const [size, sign] = number < 999_500 ? [1e3, "k"] : number < 999_500_000 ? [1e6, "M"] : [1e9, "G"];
  const scaled = number / size;
  return scaled.toFixed(scaled < 10 ? 1 : 0) + sign;
}

export function dollars(cost) {
  if (cost === null || cost === undefined || !Number.isFinite(cost)) return "price unknown";
  if (cost === 0) return "$0";
  return `$${cost.toFixed(cost < 0.01 ? 5 : cost < 1 ? 4 : 2)}`;
}

export function seconds(time) {
  if (!(time < 1e9)) return "–";
  if (time < 0.0995) return `${(time * 1000).toFixed(time < 0.00995 ? 1 : 0)} ms`;
  if (time < 99.5) return `${time.toFixed(time < 9.95 ? 2 : 1)} s`;
  const minutes = Math.floor(time / 60);
  return minutes < 60 ? `${minutes} min ${Math.round(time % 60)} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export function cut(text, length) {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length > length ? line.slice(0, length - 1) + "…" : line;
}
