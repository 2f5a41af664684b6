// The report as docs/schema/report.schema.json describes it, and what is asked of it.

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type Place = { file: string; line: number };

export type Task = {
  task_id: string;
  operator?: string;
  group_id?: string;
  location?: Place;
  mapping?: Json;
  upstream?: string[];
  trigger_rule?: string;
  retries?: number;
  map_index_template?: string;
};
export type Group = { group_id: string; parent: string | null; mapping: Json; location: Place | null };
export type Structure = { dag_id: string; location: Place | null; groups: Group[]; tasks: Task[] };
export type Dag = { dag_id: string; digest: string; file: string; seconds: number; structure: Structure };

export type TaskExpansion = {
  task_id: string;
  count: number | null;
  mapped: boolean;
  states: string[];
  inputs?: { [name: string]: Json }[];
  labels?: Json[];
  reason?: string;
};
export type Dependency = [up: string, down: string, kind: string, ancestors: number];
export type Noticed = { rule: string; message: string };
export type Expansion = {
  dag_id: string;
  tasks: TaskExpansion[];
  dependencies: Dependency[];
  findings: Noticed[];
};
export type ExpansionRecord = {
  nodeid: string;
  name: string;
  kind: "plan" | "run" | "sizes" | "expands";
  structure: string;
  state: string | null;
  seconds: number;
  expansion: Expansion;
};

export type Check = {
  nodeid: string;
  kind: string;
  outcome: string;
  dag_id: string | null;
  seconds: number;
  message: string;
};
export type Finding = {
  rule: string;
  dag_id: string | null;
  location: Place | null;
  message: string;
  remedy: string;
  nodeids: string[];
  source: string;
  allowed: string | null;
  circumstance: string | null;
};
export type Snapshot = { nodeid: string; name: string; before: string; after: string; updated: boolean };
export type Covered = { dag_id: string; owner: string; wanted: string[]; seen: string[] };

export type Report = {
  format: number;
  airflow: string;
  begun: string;
  seconds: number;
  generation_seconds: number;
  dags: Dag[];
  checks: Check[];
  expansions: ExpansionRecord[];
  findings: Finding[];
  snapshots: Snapshot[];
  coverage: Covered[];
};

/** All that the report says of one DAG. */
export type Entry = {
  dagId: string;
  dag: Dag;
  structures: Map<string, Structure>;
  checks: Check[];
  expansions: ExpansionRecord[];
  findings: Finding[];
  snapshots: Snapshot[];
  coverage: Covered[];
  status: Status;
};
export type Status = "failed" | "passed" | "unchecked";

const BAD = new Set(["failed", "error"]);

/** Sorts what the report says by DAG, in the order in which the DAGs stand in it. */
export function sortByDag(report: Report): Map<string, Entry> {
  const entries = new Map<string, Entry>();
  for (const dag of report.dags) {
    const entry = entries.get(dag.dag_id) ?? newEntry(dag);
    entry.structures.set(dag.digest, dag.structure);
    entries.set(dag.dag_id, entry);
  }
  for (const record of report.expansions) entries.get(record.expansion.dag_id)?.expansions.push(record);
  for (const check of report.checks) entries.get(check.dag_id ?? "")?.checks.push(check);
  for (const finding of report.findings) entries.get(finding.dag_id ?? "")?.findings.push(finding);
  for (const covered of report.coverage) entries.get(covered.dag_id)?.coverage.push(covered);
  for (const snapshot of report.snapshots) entries.get(dagOfSnapshot(snapshot))?.snapshots.push(snapshot);
  for (const entry of entries.values()) entry.status = judge(entry);
  return entries;
}

function newEntry(dag: Dag): Entry {
  const lists = { checks: [], expansions: [], findings: [], snapshots: [], coverage: [] };
  return { dagId: dag.dag_id, dag, structures: new Map(), status: "unchecked", ...lists };
}

function judge(entry: Entry): Status {
  if (entry.checks.some((check) => BAD.has(check.outcome))) return "failed";
  if (entry.findings.some((finding) => finding.allowed === null)) return "failed";
  return entry.checks.some((check) => check.outcome === "passed") ? "passed" : "unchecked";
}

/** Reads the dag_id in the head of a snapshot. */
export function dagOfSnapshot(snapshot: Snapshot): string {
  const line = (snapshot.after || snapshot.before).split("\n")[1] ?? "";
  const name = line.replace(/^dag: /, "");
  return name.startsWith('"') ? (JSON.parse(name) as string) : name;
}

export function isMapped(structure: Structure, task: Task): boolean {
  if (task.mapping) return true;
  const groups = new Map(structure.groups.map((group) => [group.group_id, group]));
  for (let id = task.group_id ?? null; id !== null; id = groups.get(id)?.parent ?? null)
    if (groups.get(id)?.mapping) return true;
  return false;
}

export function countMapped(structure: Structure): number {
  return structure.tasks.filter((task) => isMapped(structure, task)).length;
}

/** The state of one instance; one entry in `states` stands for all. */
export function stateOf(task: TaskExpansion, index: number): string {
  return task.states[task.states.length > 1 ? index : 0] ?? "success";
}

export function keyOf(task: TaskExpansion, index: number): string {
  if (task.count === null) return `${task.task_id}[?]`;
  return task.mapped && task.count > 0 ? `${task.task_id}[${index}]` : task.task_id;
}

/** How many nodes a task has in the graph: one that was never expanded, or whose length is unknown, has one. */
export function nodesOf(task: TaskExpansion): number {
  return task.mapped && task.count ? task.count : 1;
}

/** The upstream indexes, from and below to, that an instance waits for; as `Dependency.upstream_indexes`. */
export function upstreamRange(
  [, , kind, ancestors]: Dependency,
  up: TaskExpansion,
  down: TaskExpansion,
  index: number,
): [number, number] {
  const all: [number, number] = [0, nodesOf(up)];
  if (kind === "all" || !up.mapped || !up.count || !down.mapped || !down.count) return all;
  const position = Math.floor((index * ancestors) / down.count);
  const width = kind === "index" ? 1 : Math.floor(down.count / ancestors);
  return [Math.min(position * width, up.count), Math.min((position + 1) * width, up.count)];
}
