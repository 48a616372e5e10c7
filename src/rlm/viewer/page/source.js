// Where the page has its data from: the server, or the page itself where a run was exported into one file.
//
// An event is as the log has it (docs/trace-format.md): a string of some length is {"$s": [offset, length, hash]}, which
// stands for bytes of the pack and is fetched when it is shown.

const PART = 400; // lines that are read at a time, so that a large run does not hold up the page

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
    this.kept = new Map();
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
      for (let start = 0; start < lines.length; start += PART * 10) {
        take(lines.slice(start, start + PART * 10).map(parsed));
        await new Promise((done) => setTimeout(done));
      }
      const next = Number(answer.headers.get("X-Next"));
      if (next <= from) return from;
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

  async text(run, value) {
    if (!isStored(value)) return String(value);
    const [offset, length, hash] = value.$s;
    const place = `${encodeURIComponent(run)}/strings/${Number(offset)}/${Number(length)}/${encodeURIComponent(hash)}`;
    if (!this.kept.has(place)) {
      if (this.kept.size > 500) this.kept.clear();
      const asked = fetch(`${this.base}api/runs/${place}`).then((answer) => answer.text());
      this.kept.set(place, asked);
    }
    return this.kept.get(place);
  }

  about(run, what) {
    return this.json(`runs/${encodeURIComponent(run)}/${what}`);
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
    for (let start = 0; start < lines.length; start += PART * 10) {
      take(lines.slice(start, start + PART * 10));
      await new Promise((done) => setTimeout(done));
    }
    return 0;
  }

  follow(run, from, take, ended) {
    if (!this.data.running) ended();
    return () => {};
  }

  async text(run, value) {
    return isStored(value) ? (this.data.strings[value.$s[0]] ?? "(not in this file)") : String(value);
  }

  async about(run, what) {
    const found = this.data[what.split("?")[0]];
    if (found === undefined || found === null) throw new Error("this file does not hold it");
    return found;
  }
}
