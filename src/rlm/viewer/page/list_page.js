// All runs of the folder, newest first.
import { brief, count, dollars, el, put, replace, seconds, visible } from "./dom.js";
import { table } from "./table.js";

export class ListPage {
  constructor(source, stage, go) {
    this.source = source;
    this.stage = stage;
    this.go = go;
    this.chosen = new Set();
    this.order = { by: 8, down: true };
    this.looks = 0;
  }

  async load() {
    replace(this.stage, el("p.quiet", { role: "status" }, "reading the runs …"));
    this.runs = await this.source.runs();
    const search = el("input", { type: "search", placeholder: "filter: question, model, status", "aria-label": "filter", input: () => this.draw(search.value) });
    this.compare = el("button", { type: "button", disabled: true, click: () => this.go(["compare", ...this.chosen]) }, "compare two");
    this.list = el("div.list.all");
    const patterns = el("div.patterns");
    replace(this.stage, el("div.tools", {}, el("h1", {}, "Runs"), search, this.compare), this.list, patterns);
    this.draw("");
    search.focus();
    this.source.json("strategies").then((found) => this.patterns(patterns, found), () => {});
    this.timer = setInterval(() => this.refresh(search), 3000);
  }

  async refresh(search) {
    const live = this.runs.some((run) => run.status === "running");
    if (document.hidden || (!live && ++this.looks % 5 !== 0)) return;
    const before = JSON.stringify(this.runs);
    this.runs = await this.source.runs().catch(() => this.runs);
    if (JSON.stringify(this.runs) === before) return;
    const rows = () => [...this.list.querySelectorAll("tr.opens")];
    const [at, scrolled] = [rows().indexOf(document.activeElement), this.list.firstElementChild?.scrollTop ?? 0];
    this.draw(search.value);
    this.list.firstElementChild.scrollTop = scrolled;
    if (at >= 0) rows()[at]?.focus({ preventScroll: true });
  }

  draw(wanted) {
    const words = wanted.toLowerCase().split(/\s+/).filter(Boolean);
    const text = (run) => `${run.question} ${run.model} ${run.status} ${run.run} ${run.made}`.toLowerCase();
    const rows = this.runs.filter((run) => words.every((word) => text(run).includes(word)));
    const number = (title, value, show) => ({ title, number: true, width: "number", value: (run) => value(run) ?? NaN, show });
    const columns = [
      { title: "", label: "chosen", width: "tick", value: (run) => this.chosen.has(run.run), show: (run) => this.choice(run) },
      { title: "status", width: "state", value: (run) => run.status, show: (run) => el(`span.status.${run.status}`, {}, run.status) },
      { title: "question", value: (run) => run.question, show: (run) => this.asked(run) },
      number("input", (run) => run.characters, (run) => (run.characters === null ? "–" : brief(run.characters))),
      { title: "model", width: "model", value: (run) => run.model, show: (run) => run.model },
      number("tokens", (run) => run.tokens, (run) => brief(run.tokens)),
      number("cost", (run) => run.cost, (run) => (run.cost === null ? "–" : dollars(run.cost))),
      number("time", (run) => run.seconds, (run) => seconds(run.seconds)),
      { title: "started", width: "date", value: (run) => run.started, show: (run) => run.started.slice(0, 19).replace("T", " ") },
    ];
    const open = (run) => this.go(["run", run.run]);
    const empty = el("p.quiet", {}, this.runs.length ? "no run matches" : "no runs yet: rlm ask makes one");
    replace(this.list, rows.length ? table(columns, rows, { open, label: "runs", order: this.order }) : empty);
  }

  // The question, and of a run that was made from another one, how.
  asked(run) {
    return el("span.asked", {}, el("span.start", { title: visible(run.question.slice(0, 600)) }, run.question.slice(0, 300)), run.made ? el("span.quiet.made", {}, run.made) : null);
  }

  choice(run) {
    const box = el("input", { type: "checkbox", "aria-label": `compare ${run.run}`, checked: this.chosen.has(run.run) });
    box.addEventListener("click", (event) => event.stopPropagation());
    box.addEventListener("change", () => {
      if (box.checked) this.chosen.add(run.run);
      else this.chosen.delete(run.run);
      this.compare.disabled = this.chosen.size !== 2;
    });
    return box;
  }

  // How often each pattern was seen: {runs: n, patterns: [{name, runs, turns}]}.
  patterns(holder, found) {
    if (!found.patterns?.length) return;
    const most = Math.max(1, ...found.patterns.map((pattern) => pattern.runs));
    const rows = found.patterns.map((pattern) => {
      const bar = el("span.bar");
      bar.style.setProperty("--share", String(pattern.runs / most));
      return el("div.pattern", {}, el("span", {}, pattern.name), bar, el("span.number", {}, `${count(pattern.runs)} of ${count(found.runs)} runs`));
    });
    put(holder, [el("h2", {}, "Strategies"), rows]);
  }

  step() {}

  leave() {
    clearInterval(this.timer);
  }
}
