// The page as a whole: reads the report, keeps what is chosen in the address, and listens to the keyboard.

import { h, replace } from "./dom";
import { type Entry, type Report, countMapped, sortByDag } from "./model";
import { count } from "./values";
import { makeDagPage, makeDot, makeOverview } from "./views";

const FORMAT = 1;
const THEMES = ["auto", "light", "dark"];
const FILTERS: [name: string, title: string, keep: (entry: Entry) => boolean][] = [
  ["all", "all", () => true],
  ["failed", "need a look", (entry) => entry.status === "failed"],
  ["changed", "changed", (entry) => entry.snapshots.length > 0],
  ["mapped", "mapped", (entry) => countMapped(entry.dag.structure) > 0],
];

class Page {
  private readonly entries: Map<string, Entry>;
  private readonly content = h("main", { tabindex: -1 });
  private readonly list = h("nav", { class: "list", "aria-label": "DAGs" });
  private readonly search = h("input", { type: "search", placeholder: "Search DAGs", "aria-label": "Search DAGs", input: () => this.fillList() });
  private readonly filters = h("div", { class: "filters", role: "group", "aria-label": "Show" });
  private filter = "all";

  constructor(private readonly report: Report) {
    this.entries = sortByDag(report);
    document.body.append(h("div", { class: "page" }, this.makeSide(), this.content));
    this.fillFilters();
    this.fillList();
    this.show();
    window.addEventListener("hashchange", () => this.show());
    document.addEventListener("keydown", (event) => this.onKey(event));
  }

  private get chosen(): string {
    try {
      return decodeURIComponent(location.hash.slice(1));
    } catch {
      return "";
    }
  }

  private makeSide(): HTMLElement {
    const theme = h("button", { type: "button", class: "quiet theme", click: () => this.nextTheme(theme) }, "◐");
    this.nextTheme(theme, "auto");
    const home = h("a", { href: "#", class: "home" }, h("span", { class: "logo", "aria-hidden": "true" }), "dynadag");
    return h("aside", { class: "side" }, h("div", { class: "bar" }, home, theme), this.search, this.filters, this.list);
  }

  private nextTheme(button: HTMLElement, name?: string): void {
    const now = document.documentElement.dataset.theme ?? "auto";
    const next = name ?? THEMES[(THEMES.indexOf(now) + 1) % THEMES.length] ?? "auto";
    document.documentElement.dataset.theme = next;
    button.title = `Colours: ${next}`;
    button.setAttribute("aria-label", `Colours: ${next}`);
  }

  private fillFilters(): void {
    const buttons = FILTERS.map(([name, title, keep]) => {
      const number = [...this.entries.values()].filter(keep).length;
      if (number === 0 && name !== "all") return null;
      const click = (): void => {
        this.filter = name;
        this.fillFilters();
        this.fillList();
      };
      return h("button", { type: "button", "aria-pressed": String(name === this.filter), click }, title, h("span", { class: "count" }, String(number)));
    });
    replace(this.filters, ...buttons);
  }

  private fillList(): void {
    const wanted = this.search.value.trim().toLowerCase();
    const keep = FILTERS.find(([name]) => name === this.filter)?.[2] ?? (() => true);
    const shown = [...this.entries.values()].filter(
      (entry) => keep(entry) && `${entry.dagId} ${entry.dag.file}`.toLowerCase().includes(wanted),
    );
    const links = shown.map((entry) => this.makeLink(entry));
    replace(this.list, ...(links.length ? links : [h("p", { class: "meta" }, "No DAG is called that.")]));
  }

  private makeLink(entry: Entry): HTMLElement {
    const mapped = countMapped(entry.dag.structure);
    const notes = [count(entry.dag.structure.tasks.length, "task"), mapped ? `${mapped} mapped` : "", entry.snapshots.length ? "changed" : ""];
    return h(
      "a",
      { href: `#${encodeURIComponent(entry.dagId)}`, "aria-current": entry.dagId === this.chosen ? "page" : null },
      makeDot(entry.status),
      h("span", { class: "name" }, entry.dagId),
      h("span", { class: "meta" }, notes.filter(Boolean).join(" · ")),
    );
  }

  private show(): void {
    const entry = this.entries.get(this.chosen);
    const go = (dagId: string): void => {
      location.hash = encodeURIComponent(dagId);
    };
    this.content.replaceChildren(entry ? makeDagPage(entry) : makeOverview(this.report, this.entries, go));
    this.content.scrollTop = 0;
    for (const link of this.list.querySelectorAll("a")) {
      const current = link.getAttribute("href") === `#${encodeURIComponent(this.chosen)}`;
      if (current) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    document.title = entry ? `${entry.dagId} · dynadag` : "What the DAGs become";
  }

  private onKey(event: KeyboardEvent): void {
    const target = event.target as HTMLElement;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "/" && !target.matches("input, select, textarea")) {
      event.preventDefault();
      this.search.focus();
    }
    const inList = target === this.search || this.list.contains(target);
    if (!inList || (event.key !== "ArrowDown" && event.key !== "ArrowUp")) return;
    const links = [...this.list.querySelectorAll("a")];
    const next = links.indexOf(target as HTMLAnchorElement) + (event.key === "ArrowDown" ? 1 : -1);
    event.preventDefault();
    (next < 0 ? this.search : links[Math.min(next, links.length - 1)])?.focus();
  }
}

function start(): void {
  const data = document.getElementById("report")?.textContent ?? "";
  const report = JSON.parse(data) as Report;
  if (report.format !== FORMAT) {
    document.body.append(h("p", { class: "trouble" }, `This page reads reports of format ${FORMAT}, not ${report.format}.`));
    return;
  }
  new Page(report);
}

start();
