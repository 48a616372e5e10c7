// The page as a whole: which view is shown, light or dark, and the keys.
import { ComparePage } from "./compare_page.js";
import { el, put, replace, visible } from "./dom.js";
import { ListPage } from "./list_page.js";
import { RunPage } from "./run_page.js";
import { Embedded, Server } from "./source.js";

const embedded = document.getElementById("run-data");
const source = embedded === null ? new Server(location.pathname.replace(/[^/]*$/, "")) : new Embedded(JSON.parse(embedded.textContent));
const stage = el("main", { id: "stage" });
let page = null;

const go = (place) => (location.hash = "#" + place.map(encodeURIComponent).join("/"));

function view() {
  const [kind, ...names] = location.hash.slice(1).split("/").map(decode);
  if (embedded !== null) return new RunPage(source, source.data.run, stage);
  if (kind === "run" && names.length === 1) return new RunPage(source, names[0], stage);
  if (kind === "compare" && names.length === 2) return new ComparePage(source, names, stage, go);
  return new ListPage(source, stage, go);
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}

async function show() {
  page?.leave();
  page = view();
  document.title = page.run ? `${visible(page.run)} · rlm` : page.runs ? "two runs · rlm" : "rlm";
  const shown = page;
  window.scrollTo(0, 0);
  try {
    await page.load();
    document.body.dataset.ready = location.hash || "#";
    requestAnimationFrame(() => setTimeout(() => performance.mark("first-view"))); // after the frame that shows it
  } catch (error) {
    if (shown === page) replace(stage, el("p.note.bad", { role: "alert" }, `this can't be shown: ${error.message}`), embedded === null ? el("button.go", { type: "button", click: () => go([]) }, "all runs") : null);
  }
}

function theme(next) {
  const root = document.documentElement;
  let kept = null;
  try {
    if (next) localStorage.setItem("rlm-theme", next);
    kept = localStorage.getItem("rlm-theme");
  } catch {
    kept = next; // a page from a file may keep nothing
  }
  if (kept === "dark" || kept === "light") root.dataset.theme = kept;
  window.dispatchEvent(new Event("resize"));
}

function dark() {
  return (document.documentElement.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
}

function switchTheme() {
  theme(dark() ? "light" : "dark");
  page?.recolour?.();
}

const home = el("button.home", { type: "button", click: () => go([]) }, "rlm");
const keys = el("span.quiet.keys", {}, embedded === null ? "j k turns · g runs · t theme · / filter" : "j k turns · t theme");
const toggle = el("button", { type: "button", click: switchTheme, "aria-label": "light or dark" }, "◐");
put(document.body, [el("div.bar", {}, home, keys, toggle), stage]);

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) return;
  const act = { j: () => page.step(1), k: () => page.step(-1), g: () => go([]), t: switchTheme, "/": () => document.querySelector("input[type=search]")?.focus() }[event.key];
  if (act === undefined) return;
  event.preventDefault();
  act();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => page?.recolour?.());
window.addEventListener("hashchange", show);
theme(null);
show();
