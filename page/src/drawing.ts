// What there is to draw: a structure, an expansion, or two snapshots laid over each other, each as nodes with text.

import {
  type Dependency,
  type Expansion,
  type Structure,
  type TaskExpansion,
  isMapped,
  keyOf,
  nodesOf,
  stateOf,
} from "./model";
import type { Page } from "./snapshots";
import { count, cut, show, showMapping } from "./values";

export type Mark = "added" | "removed" | "changed" | "same";
export type DrawnNode = {
  id: string;
  group: string | null;
  title: string;
  note: string;
  mapped: boolean;
  state: string | null;
  mark: Mark | null;
  expansion: TaskExpansion | null;
  facts: [string, string][];
};
export type DrawnGroup = { id: string; parent: string | null; title: string; mapped: boolean };
export type DrawnEdge = { from: string; to: string; kind: string; mark: Mark | null; dependency: Dependency | null };
export type Drawing = { nodes: DrawnNode[]; groups: DrawnGroup[]; edges: DrawnEdge[] };

const SEVERITY = ["success", "skipped", "removed", "unknown", "upstream_failed", "up_for_retry", "failed"];

/** The last part of an id inside a group: the group's box says the rest. */
function shortName(id: string, group: string | null): string {
  return group && id.startsWith(`${group}.`) ? id.slice(group.length + 1) : id;
}

function groupsOf(structure: Structure | undefined, suffix: (id: string) => string): DrawnGroup[] {
  return (structure?.groups ?? []).map(({ group_id: id, parent, mapping }) => ({
    id,
    parent,
    title: shortName(id, parent) + suffix(id),
    mapped: mapping !== null,
  }));
}

export function drawStructure(structure: Structure): Drawing {
  const mappings = new Map(structure.groups.map((group) => [group.group_id, showMapping(group.mapping)]));
  return {
    groups: groupsOf(structure, (id) => (mappings.get(id) ? ` · over ${cut(mappings.get(id) ?? "", 34)}` : "")),
    nodes: structure.tasks.map((task) => {
      const group = task.group_id ?? null;
      const mapping = showMapping(task.mapping);
      const place = task.location ? `${task.location.file}:${task.location.line}` : "";
      const rule = task.trigger_rule ?? "all_success";
      return {
        id: task.task_id,
        group,
        title: shortName(task.task_id, group),
        note: mapping ? `over ${mapping}` : (task.operator ?? ""),
        mapped: isMapped(structure, task),
        state: null,
        mark: null,
        expansion: null,
        facts: onlyFilled([
          ["operator", task.operator ?? ""],
          ["mapped over", mapping],
          ["trigger rule", rule === "all_success" ? "" : rule],
          ["retries", task.retries ? String(task.retries) : ""],
          ["label", task.map_index_template ?? ""],
          ["written at", place],
        ]),
      };
    }),
    edges: structure.tasks.flatMap((task) =>
      (task.upstream ?? []).map((from) => ({ from, to: task.task_id, kind: "all", mark: null, dependency: null })),
    ),
  };
}

function onlyFilled(facts: [string, string][]): [string, string][] {
  return facts.filter(([, text]) => text !== "");
}

export function drawExpansion(expansion: Expansion, structure: Structure | undefined): Drawing {
  const written = new Map((structure?.tasks ?? []).map((task) => [task.task_id, task]));
  return {
    groups: groupsOf(structure, () => ""),
    nodes: expansion.tasks.map((task) => {
      const group = written.get(task.task_id)?.group_id ?? null;
      return {
        id: task.task_id,
        group,
        title: shortName(task.task_id, group),
        note: describeCount(task),
        mapped: task.mapped,
        state: worst(task),
        mark: null,
        expansion: task,
        facts: onlyFilled([
          ["instances", task.mapped ? (task.count === null ? "unknown" : String(task.count)) : ""],
          ["states", describeStates(task)],
          ["why", task.reason ?? ""],
        ]),
      };
    }),
    edges: expansion.dependencies.map((dependency) => {
      const [from, to, kind] = dependency;
      return { from, to, kind, mark: null, dependency };
    }),
  };
}

function describeCount(task: TaskExpansion): string {
  if (!task.mapped) return worst(task).replaceAll("_", " ");
  if (task.count === null) return "how many is not known";
  return task.count === 0 ? `not expanded: ${worst(task).replaceAll("_", " ")}` : count(task.count, "instance");
}

/** The worst state among the instances of a task. */
export function worst(task: TaskExpansion): string {
  return task.states.reduce((one, other) => (SEVERITY.indexOf(other) > SEVERITY.indexOf(one) ? other : one), "success");
}

/** How many instances end in which state, best first. */
export function tally(task: TaskExpansion): [state: string, number: number][] {
  if (task.states.length <= 1) return [[task.states[0] ?? "success", nodesOf(task)]];
  const numbers = new Map<string, number>();
  for (const state of task.states) numbers.set(state, (numbers.get(state) ?? 0) + 1);
  return [...numbers].sort(([one], [other]) => SEVERITY.indexOf(one) - SEVERITY.indexOf(other));
}

export function describeStates(task: TaskExpansion): string {
  const parts = tally(task);
  const only = parts[0];
  if (parts.length === 1 && only) return only[0];
  return parts.map(([state, number]) => `${number} ${state}`).join(", ");
}

/** What names an instance to people: its label, or else its inputs, or else its key. */
export function nameInstance(task: TaskExpansion, index: number): string {
  const label = task.labels?.[index];
  if (typeof label === "string" && label) return label;
  const inputs = Object.entries(task.inputs?.[index] ?? {});
  if (inputs.length === 0) return keyOf(task, index);
  return inputs.map(([name, value]) => `${name}=${typeof value === "string" ? value : show(value)}`).join(" ");
}

/** What is known of one instance. */
export function factsOf(task: TaskExpansion, index: number): [string, string][] {
  const label = task.labels?.[index];
  const inputs = task.inputs?.[index];
  const cutOff = inputs === undefined && task.inputs !== undefined;
  return onlyFilled([
    ["state", stateOf(task, index)],
    ["label", label === undefined || label === null ? "" : typeof label === "string" ? label : show(label)],
    ...Object.entries(inputs ?? {}).map(([name, value]): [string, string] => [name, show(value)]),
    ["inputs", cutOff ? "left out of this page for its size: see the JSON report" : ""],
  ]);
}

/** Lays two snapshots over each other: what was added, removed, changed, and what stayed. */
export function drawChange(before: Page, after: Page): Drawing {
  const ids = [...new Set([...before.tasks.keys(), ...after.tasks.keys()])];
  const links = [...new Set([...before.edges.keys(), ...after.edges.keys()])];
  return {
    groups: [],
    nodes: ids.map((id) => {
      const was = before.tasks.get(id);
      const is = after.tasks.get(id);
      const mark = judge(was?.text, is?.text);
      const note = mark === "changed" && was?.head !== is?.head ? `${was?.head || "plain"} → ${is?.head || "plain"}` : "";
      return {
        id,
        group: null,
        title: id,
        note: note || (is ?? was)?.head || "",
        mapped: / mapped/.test((is ?? was)?.head ?? ""),
        state: null,
        mark,
        expansion: null,
        facts: [["was", was?.text ?? "absent"], ["is", is?.text ?? "absent"]],
      };
    }),
    edges: links.flatMap((link) => {
      const [from, to] = (after.edges.get(link) ?? before.edges.get(link))?.ends ?? [];
      const mark = judge(before.edges.get(link)?.kind, after.edges.get(link)?.kind);
      const kind = (after.edges.get(link) ?? before.edges.get(link))?.kind ?? "all";
      return from !== undefined && to !== undefined && ids.includes(from) && ids.includes(to)
        ? [{ from, to, kind, mark, dependency: null }]
        : [];
    }),
  };
}

function judge(was: string | undefined, is: string | undefined): Mark {
  if (was === undefined) return "added";
  if (is === undefined) return "removed";
  return was === is ? "same" : "changed";
}
