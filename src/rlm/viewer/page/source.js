// Where the page has its data from: the server, or the page itself where a run was exported into one file.
//
// An event is as the log has it (docs/trace-format.md): a string of some length is {"$s": [offset, length, hash]}, which
// stands for bytes of the pack and is fetched when it is shown.

import { count } from "./dom.js";

const PART = 4000; // lines that are read at a time, so that a large run does not hold up the page
const ASKED = 100; // strings that are asked for at once, at most
const LARGEST = 4_000_000; // bytes of them together, unless one alone has more
const KEPT = { whole: 200, cut: 3000 }; // strings that are kept

export const isStored = (value) => value !== null && typeof value === "object" && Array.isArray(value.$s);

export function parsed(line) {
  try {
    const event = JSON.parse(line);
    return event !== null && typeof event === "object" && typeof event.type === "string" ? event : null;
  } catch {
    return null;
  }
}

export class Server {
  constructor(base) {
    this.base = base;
    this.kept = { whole: new Map(), cut: new Map() };
    this.waiting = []; // strings that are to be asked for together
  }

  async json(path) {
    const answer = await fetch(`${this.base}api/${path}`);
    if (!answer.ok) throw new Error(await answer.text());
    return answer.json();
  }

  runs() {
    return this.json("runs");
  }

  // Gives the events of a run to `take`, some at a time; the byte of the log that it came to.
  async events(run, take) {
    for (let from = 0; ; ) {
      const answer = await fetch(`${this.base}api/runs/${encodeURIComponent(run)}/events?from=${from}`);
      if (!answer.ok) throw new Error(await answer.text());
      const lines = (await answer.text()).split("\n").filter(Boolean);
      for (let start = 0; start < lines.length; start += PART) {
        if (start > 0) await new Promise((done) => setTimeout(done));
        take(lines.slice(start, start + PART).map(parsed));
      }
      const [next, end] = ["X-Next", "X-End"].map((name) => Number(answer.headers.get(name)));
      if (next <= from || next >= end) return Math.max(from, next);
      from = next;
    }
  }

  // Follows a run that is being written; the function that stops it.
  follow(run, from, take, ended) {
    const stream = new EventSource(`${this.base}api/runs/${encodeURIComponent(run)}/follow?from=${from}`);
    let waiting = [];
    const flush = () => {
      if (waiting.length) take(waiting.splice(0));
    };
    const timer = setInterval(flush, 150);
    const stop = () => {
      clearInterval(timer);
      stream.close();
      flush();
    };
    stream.addEventListener("message", (message) => waiting.push(parsed(message.data)));
    stream.addEventListener("end", () => {
      stop();
      ended();
    });
    return stop;
  }

  // A value as text; of a stored string, its first `longest` bytes, or all of it. What is asked for in one go, such as the
  // beginnings of the rows that come into view, is one request.
  async text(run, value, longest = 0) {
    if (!isStored(value)) return String(value);
    const [offset, length, hash] = value.$s;
    const kept = this.kept[longest ? "cut" : "whole"];
    const place = `${Number(offset)}/${Number(length)}/${hash}`;
    const name = `${run} ${place} ${longest}`;
    if (kept.has(name)) return kept.get(name);
    if (kept.size > KEPT[longest ? "cut" : "whole"]) kept.clear();
    const asked = new Promise((done, failed) => {
      if (this.waiting.length === 0) setTimeout(() => this.fetch());
      this.waiting.push({ run, place, longest, done, failed, size: Math.min(length, longest || length) });
    });
    kept.set(name, asked);
    asked.catch(() => kept.delete(name));
    return asked;
  }

  // Asks for all strings that are waited for: those of a run that are cut alike together.
  fetch() {
    const groups = new Map();
    for (const one of this.waiting.splice(0)) {
      const name = `${one.run} ${one.longest}`;
      groups.set(name, [...(groups.get(name) ?? []), one]);
    }
    for (const group of groups.values()) {
      let [part, size] = [[], 0];
      for (const one of group) {
        if (part.length === ASKED || (part.length && size + one.size > LARGEST)) {
          this.fetchGroup(part);
          [part, size] = [[], 0];
        }
        part.push(one);
        size += one.size;
      }
      this.fetchGroup(part);
    }
  }

  async fetchGroup(group) {
    const [{ run, longest }] = group;
    try {
      const places = group.map((one) => encodeURIComponent(one.place)).join(",");
      const texts = await this.json(`runs/${encodeURIComponent(run)}/strings?longest=${longest}&places=${places}`);
      group.forEach((one, at) => (texts[at] === null ? one.failed(new Error("the pack does not hold that")) : one.done(texts[at])));
    } catch (error) {
      for (const one of group) one.failed(error);
    }
  }

  about(run, what) {
    return this.json(`runs/${encodeURIComponent(run)}/${what}`);
  }

  // Characters of one text of the input, as [[start, "..."], ...], and what there is to be said of it.
  passage(run, text, start, end) {
    return this.about(run, `input?text=${text}&start=${start}&end=${end}`);
  }

  holds() {
    return "";
  }
}

export class Embedded {
  constructor(data) {
    this.data = data;
  }

  async runs() {
    return [];
  }

  async events(run, take) {
    const lines = this.data.events;
    for (let start = 0; start < lines.length; start += PART) {
      if (start > 0) await new Promise((done) => setTimeout(done));
      take(lines.slice(start, start + PART));
    }
    return 0;
  }

  follow(run, from, take, ended) {
    if (!this.data.running) ended();
    return () => {};
  }

  async text(run, value, longest = 0) {
    if (!isStored(value)) return String(value);
    const text = this.data.strings[value.$s[0]];
    if (text === undefined || text === null) throw new Error("this file does not hold it");
    return longest ? text.slice(0, longest) : text;
  }

  async about(run, what) {
    const found = this.data[what];
    if (found === undefined || found === null) throw new Error("this file does not hold it");
    return found;
  }

  async passage(run, text, start, end) {
    const pieces = [];
    for (const [of, at, whole] of this.data.input?.pieces ?? []) {
      const last = at + whole.length; // at most: some characters are two in JavaScript
      if (of !== text || at >= end || last <= start) continue;
      const from = Math.max(start, at);
      const part = [...whole].slice(from - at, end - at).join("");
      if (part) pieces.push([from, part]);
    }
    return { pieces };
  }

  // What of the input's text is in the file.
  holds() {
    const { characters, of, left_out } = this.data.input ?? { characters: 0, of: 0, left_out: 0 };
    if (characters === of) return "";
    if (characters === 0) return "This file has none of the input's text.";
    const said = `Of the input's text this file has what was read and what is near it: ${count(characters)} of ${count(of)} characters.`;
    return left_out ? `${said} Left out are ${count(left_out)} more that were read.` : said;
  }
}
