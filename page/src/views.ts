// The parts of the page around the graphs: the list of DAGs, the overview, the page of a DAG.

import { type Child, h } from "./dom";
import { drawChange, drawExpansion, drawStructure } from "./drawing";
import { GraphView, makeFacts } from "./graph";
import {
  type Check,
  type Covered,
  type Entry,
  type ExpansionRecord,
  type Finding,
  type Report,
  type Snapshot,
  countMapped,
} from "./model";
import { compareLines, findShared, readSnapshot } from "./snapshots";
import { count, seconds } from "./values";

const SIGHTS = ["none", "one", "many", "failed", "skipped"];
const CONTEXT = 3;
const STATUS_WORDS = { failed: "needs a look", passed: "fine", unchecked: "not checked" };

export function makeDot(status: string): HTMLElement {
  const words = STATUS_WORDS[status as keyof typeof STATUS_WORDS] ?? status;
  return h("span", { class: `dot is-${status}`, role: "img", "aria-label": words, title: words });
}

// -- the overview -------------------------------------------------------------------------------------------------

export function makeOverview(report: Report, entries: Map<string, Entry>, show: (id: string) => void): HTMLElement {
  const orphans = report.findings.filter((finding) => !entries.has(finding.dag_id ?? ""));
  const all = [...orphans, ...report.findings.filter((finding) => entries.has(finding.dag_id ?? ""))];
  const failed = report.checks.filter((check) => check.outcome === "failed" || check.outcome === "error");
  return h(
    "article",
    { class: "overview" },
    h("header", { class: "head" }, h("h1", {}, "What the DAGs become"), h("p", { class: "meta" }, describeSession(report))),
    makeNumbers(report, failed),
    makeSection("Findings", all.length, ...all.map((finding) => makeFinding(finding, show))),
    makeSection("Failed checks", failed.length, ...failed.map(makeFailure)),
    makeSection("Changed snapshots", report.snapshots.length, ...report.snapshots.map(makeSnapshot)),
    makeSection("Expansion coverage", report.coverage.length, makeCoverage(report.coverage, true)),
  );
}

function describeSession(report: Report): string {
  const begun = report.begun ? new Date(report.begun).toLocaleString() : "";
  const parts = [`Airflow ${report.airflow || "not loaded"}`, begun, `${seconds(report.seconds)} in all`];
  const loading = report.generation_seconds ? `${seconds(report.generation_seconds)} to load the DAG files` : "";
  return [...parts, loading].filter(Boolean).join(" · ");
}

function makeNumbers(report: Report, failed: Check[]): HTMLElement {
  const open = report.findings.filter((finding) => finding.allowed === null).length;
  const allowed = report.findings.length - open;
  const number = (value: string, noun: string, tone = ""): HTMLElement =>
    h("div", { class: `number ${tone}` }, h("b", {}, value), h("span", {}, noun));
  return h(
    "div",
    { class: "numbers" },
    number(String(new Set(report.dags.map((dag) => dag.dag_id)).size), "DAGs"),
    number(String(report.checks.filter((check) => check.outcome === "passed").length), "checks passed", "good"),
    number(String(failed.length), "failed", failed.length ? "bad" : ""),
    number(String(open), allowed ? `findings, ${allowed} allowed` : "findings", open ? "bad" : ""),
    number(`${Math.round(percent(report.coverage))}%`, "expansion coverage"),
  );
}

export function percent(coverage: Covered[]): number {
  const wanted = coverage.reduce((sum, one) => sum + one.wanted.length, 0);
  return wanted ? (100 * coverage.reduce((sum, one) => sum + one.seen.length, 0)) / wanted : 100;
}

function makeSection(title: string, number: number, ...children: Child[]): HTMLElement | null {
  if (number === 0) return null;
  return h("section", {}, h("h2", {}, title, h("span", { class: "count" }, String(number))), ...children);
}

// -- findings, failures, checks, coverage ---------------------------------------------------------------------------

function makeFinding(finding: Finding, show?: (id: string) => void): HTMLElement {
  const id = finding.dag_id;
  const allowed = finding.allowed !== null;
  return h(
    "div",
    { class: allowed ? "card finding allowed" : "card finding" },
    h(
      "div",
      { class: "card-head" },
      h("span", { class: "code" }, finding.rule),
      id && show ? h("button", { type: "button", class: "link", click: () => show(id) }, id) : id && h("span", {}, id),
      finding.circumstance && h("span", { class: "tag" }, finding.circumstance),
      allowed && h("span", { class: "tag" }, `allowed: ${finding.allowed}`),
    ),
    h("p", { class: "message" }, finding.message),
    finding.location && makeSource(finding.location.file, finding.location.line, finding.source),
    finding.remedy && h("p", { class: "remedy" }, h("span", {}, "next: "), finding.remedy),
    finding.nodeids.length > 0 && h("p", { class: "meta" }, `seen by ${finding.nodeids.join(", ")}`),
  );
}

function makeSource(file: string, line: number, source: string): HTMLElement {
  return h(
    "figure",
    { class: "source" },
    h("figcaption", {}, `${file}:${line}`),
    source.trim() && h("pre", {}, h("span", { class: "line-number" }, String(line)), source),
  );
}

function makeFailure(check: Check): HTMLElement {
  const head = h("summary", {}, makeDot("failed"), h("span", {}, check.nodeid), h("span", { class: "meta" }, check.outcome));
  return h("details", { class: "card" }, head, h("pre", { class: "text" }, check.message || "It said nothing."));
}

function makeChecks(checks: Check[]): HTMLElement {
  const rows = checks.map((check) => {
    const status = check.outcome === "error" ? "failed" : check.outcome;
    const name = h("td", { class: "grow" }, check.nodeid);
    const cells = [h("td", {}, check.kind), h("td", { class: "right" }, seconds(check.seconds))];
    return h("tr", {}, h("td", {}, makeDot(status)), name, ...cells);
  });
  return h("table", { class: "plain" }, h("tbody", {}, ...rows));
}

function makeCoverage(coverage: Covered[], withDag: boolean): HTMLElement {
  const heads = [...(withDag ? ["DAG"] : []), "mapped", ...SIGHTS].map((text) => h("th", { scope: "col" }, text));
  const rows = coverage.map((one) => {
    const marks = SIGHTS.map((sight) => {
      const [mark, words] = one.seen.includes(sight) ? ["✓", "seen"] : one.wanted.includes(sight) ? ["○", "not seen"] : ["", "cannot be"];
      return h("td", { class: `mark is-${words.replace(" ", "-")}`, "aria-label": `${sight}: ${words}` }, mark ?? "");
    });
    return h("tr", {}, withDag && h("td", {}, one.dag_id), h("th", { scope: "row" }, one.owner), ...marks);
  });
  return h(
    "div",
    { class: "scroll" },
    h("table", { class: "coverage" }, h("thead", {}, h("tr", {}, ...heads)), h("tbody", {}, ...rows)),
  );
}

// -- snapshots ------------------------------------------------------------------------------------------------------

export function makeSnapshot(snapshot: Snapshot): HTMLElement {
  const was = snapshot.updated ? "updated" : snapshot.before ? "differs" : "new";
  const drawing = drawChange(readSnapshot(snapshot.before), readSnapshot(snapshot.after));
  const graph = drawing.nodes.length ? new GraphView(drawing, `What changed in ${snapshot.name}`).element : null;
  graph?.classList.add("small");
  return h(
    "div",
    { class: "card snapshot" },
    h("div", { class: "card-head" }, h("span", { class: "code" }, was), h("span", {}, snapshot.name)),
    h("p", { class: "meta" }, snapshot.nodeid),
    graph,
    graph && makeLegend(["added", "removed", "changed", "same"], "mark"),
    makeTextDiff(snapshot),
  );
}

function makeTextDiff({ before, after }: Snapshot): HTMLElement {
  const lines = compareLines(before, after);
  const near = lines.map((_, i) => lines.slice(Math.max(i - CONTEXT, 0), i + CONTEXT + 1).some((l) => l.before !== l.after));
  const rows: HTMLElement[] = [];
  lines.forEach((line, i) => {
    if (!near[i]) {
      if (i === 0 || near[i - 1]) rows.push(h("tr", { class: "fold" }, h("td", { colspan: 4 }, "⋯")));
      return;
    }
    const [start, end] = line.before !== null && line.after !== null ? findShared(line.before, line.after) : [0, 0];
    const kind = line.before === line.after ? "same" : "differs";
    rows.push(
      h(
        "tr",
        { class: kind },
        ...makeSide(line.before, line.beforeNumber, "removed", kind, start, end),
        ...makeSide(line.after, line.afterNumber, "added", kind, start, end),
      ),
    );
  });
  const heads = ["before", "after"].map((text) => h("th", { colspan: 2, scope: "colgroup" }, text));
  return h("div", { class: "scroll" }, h("table", { class: "diff" }, makeColumns(), h("thead", {}, h("tr", {}, ...heads)), h("tbody", {}, ...rows)));
}

function makeColumns(): HTMLElement {
  const side = (): HTMLElement[] => [h("col", { class: "numbers-column" }), h("col")];
  return h("colgroup", {}, ...side(), ...side());
}

function makeSide(text: string | null, number: number, sign: string, kind: string, start: number, end: number): HTMLElement[] {
  if (text === null) return [h("td", { class: "line-number" }), h("td", { class: "absent" })];
  const tone = kind === "same" ? "" : sign;
  const inside = kind === "same" ? [text] : [text.slice(0, start), h("mark", {}, text.slice(start, text.length - end)), text.slice(text.length - end)];
  return [h("td", { class: "line-number" }, String(number)), h("td", { class: tone }, ...inside)];
}

export function makeLegend(names: string[], prefix: string): HTMLElement {
  const items = names.map((name) => h("span", { class: `${prefix}-${name}` }, h("i", {}), name.replaceAll("_", " ")));
  return h("div", { class: "legend" }, ...items);
}

// -- the page of a DAG ----------------------------------------------------------------------------------------------

export function makeDagPage(entry: Entry): HTMLElement {
  const { structure, file } = entry.dag;
  const place = structure.location ? `${file || structure.location.file}:${structure.location.line}` : file;
  const parts = [place, count(structure.tasks.length, "task"), `${countMapped(structure)} mapped`];
  return h(
    "article",
    {},
    h("header", { class: "head" }, h("h1", {}, makeDot(entry.status), entry.dagId), h("p", { class: "meta" }, parts.filter(Boolean).join(" · "))),
    makeSection("Findings", entry.findings.length, ...entry.findings.map((finding) => makeFinding(finding))),
    makePanes(entry),
    makeSection("Changed snapshots", entry.snapshots.length, ...entry.snapshots.map(makeSnapshot)),
    makeSection("Failed checks", failuresOf(entry).length, ...failuresOf(entry).map(makeFailure)),
    makeSection("Checks", entry.checks.length, makeChecks(entry.checks)),
    makeSection("Expansion coverage", entry.coverage.length, makeCoverage(entry.coverage, false)),
  );
}

function failuresOf(entry: Entry): Check[] {
  return entry.checks.filter((check) => check.outcome === "failed" || check.outcome === "error");
}

type Choice = number | "structure";

/** The structure and expansions of a DAG, side by side. */
function makePanes(entry: Entry): HTMLElement {
  const row = h("div", { class: "panes" });
  const add = (choice: Choice): void => {
    const pane = makePane(entry, choice, () => {
      pane.remove();
      settle();
    });
    row.append(pane);
    settle();
  };
  const settle = (): void => row.setAttribute("data-number", String(row.children.length));
  for (const choice of chooseFirst(entry)) add(choice);
  const more = h("button", { type: "button", click: () => add(chooseNext(entry, row)) }, "Compare with one more");
  const states = new Set(entry.expansions.flatMap((record) => record.expansion.tasks.flatMap((task) => task.states)));
  const legend = makeLegend(["success", "skipped", "upstream_failed", "failed", "unknown"].filter((state) => states.has(state)), "state");
  return h("section", {}, h("h2", {}, "What it becomes"), row, h("div", { class: "under" }, legend, more));
}

/** Chooses what to show first: the structure, a plan, and a run; of a DAG without tests, what lengths of two give. */
function chooseFirst({ expansions }: Entry): Choice[] {
  const planned = expansions.findIndex((record) => record.kind === "plan");
  const run = expansions.findIndex((record) => record.kind === "run");
  const sized = expansions.findIndex((record) => record.name.endsWith("=2"));
  const chosen = [planned, run].filter((index) => index >= 0);
  const others = chosen.length ? chosen : [sized >= 0 ? sized : expansions.length - 1].filter((index) => index >= 0);
  return ["structure", ...others];
}

/** Chooses the first expansion that no pane shows. */
function chooseNext({ expansions }: Entry, row: HTMLElement): Choice {
  const shown = new Set([...row.querySelectorAll("select")].map((select) => select.value));
  const next = expansions.findIndex((_, index) => !shown.has(String(index)));
  return next >= 0 ? next : "structure";
}

function makePane(entry: Entry, choice: Choice, close: () => void): HTMLElement {
  const place = h("div", { class: "pane-body" });
  const select = makeChooser(entry, choice);
  const show = (): void => {
    const record = select.value === "structure" ? null : (entry.expansions[Number(select.value)] ?? null);
    place.replaceChildren(...makePaneBody(entry, record));
  };
  select.addEventListener("change", show);
  show();
  const button = h("button", { type: "button", class: "quiet", "aria-label": "Close this pane", click: close }, "✕");
  return h("div", { class: "pane" }, h("div", { class: "pane-head" }, select, button), place);
}

const KINDS: [ExpansionRecord["kind"], string][] = [
  ["plan", "Plans"],
  ["run", "Runs"],
  ["sizes", "Sizes"],
  ["expands", "Lengths tried by the check `expands`"],
];

function makeChooser(entry: Entry, choice: Choice): HTMLSelectElement {
  const groups = KINDS.map(([kind, title]) => {
    const options = entry.expansions.flatMap((record, index) =>
      record.kind === kind ? [h("option", { value: index, selected: index === choice }, nameRecord(record))] : [],
    );
    return options.length ? h("optgroup", { label: title }, ...options) : null;
  });
  return h("select", { "aria-label": "What to show" }, h("option", { value: "structure" }, "Structure, as written"), ...groups);
}

function nameRecord(record: ExpansionRecord): string {
  const test = record.nodeid.split("::").at(-1) ?? record.nodeid;
  const name = record.kind === "expands" || record.kind === "sizes" ? record.name : /\d$/.test(record.name) ? `${test} · ${record.name}` : test;
  return record.state ? `${name} (${record.state})` : name;
}

function makePaneBody(entry: Entry, record: ExpansionRecord | null): HTMLElement[] {
  if (!record) return [new GraphView(drawStructure(entry.dag.structure), `Structure of ${entry.dagId}`).element];
  const drawing = drawExpansion(record.expansion, entry.structures.get(record.structure) ?? entry.dag.structure);
  const instances = record.expansion.tasks.reduce((sum, task) => sum + (task.count ?? 0), 0);
  const facts: [string, string][] = [
    ["by", record.nodeid],
    ["instances", instances.toLocaleString("en")],
  ];
  if (record.state !== null) facts.push(["run", `${record.state} in ${seconds(record.seconds)}`]);
  const noticed = record.expansion.findings.map((finding): [string, string] => [finding.rule, finding.message]);
  return [
    new GraphView(drawing, `${record.kind} ${record.name} of ${entry.dagId}`).element,
    makeFacts([...facts, ...noticed]),
  ];
}
