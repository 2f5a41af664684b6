// Where tasks, groups and edges go. @dagrejs/dagre decides; instances of a task never reach it, they have their place
// inside the task's box, so that a task with thousands of instances costs as much as one with two.

import { Graph, layout as runDagre } from "@dagrejs/dagre";

export type Box = { x: number; y: number; width: number; height: number };
export type Point = { x: number; y: number };
export type NodeSpec = { id: string; width: number; height: number; group: string | null };
export type GroupSpec = { id: string; parent: string | null };
export type EdgeSpec = { from: string; to: string };
export type Direction = "LR" | "TB";

export type Layout = {
  width: number;
  height: number;
  nodes: Map<string, Box>;
  groups: Map<string, Box>;
  edges: Point[][];
};

const GROUP = "group:";
const TASK = "task:";

/** Lays out a graph; boxes are given by their upper left corner. */
export function layOut(nodes: NodeSpec[], groups: GroupSpec[], edges: EdgeSpec[], direction: Direction): Layout {
  const graph = new Graph({ directed: true, compound: true, multigraph: false });
  graph.setGraph({ rankdir: direction, nodesep: 22, ranksep: 46, edgesep: 14, marginx: 16, marginy: 16 });
  graph.setDefaultEdgeLabel(() => ({}));
  const filled = findFilledGroups(nodes, groups);
  for (const { id } of filled) graph.setNode(GROUP + id, { width: 10, height: 10 });
  for (const { id, width, height } of nodes) graph.setNode(TASK + id, { width, height });
  const known = new Set(filled.map(({ id }) => id));
  for (const { id, parent } of filled) if (parent !== null && known.has(parent)) graph.setParent(GROUP + id, GROUP + parent);
  for (const { id, group } of nodes) if (group !== null && known.has(group)) graph.setParent(TASK + id, GROUP + group);
  for (const { from, to } of edges) graph.setEdge(TASK + from, TASK + to, {});
  runDagre(graph);
  const size = graph.graph() as { width?: number; height?: number };
  const boxOf = (id: string): Box => {
    const { x = 0, y = 0, width = 0, height = 0 } = graph.node(id) as Partial<Box>;
    return { x: x - width / 2, y: y - height / 2, width, height };
  };
  return {
    width: finite(size.width),
    height: finite(size.height),
    nodes: new Map(nodes.map(({ id }) => [id, boxOf(TASK + id)])),
    groups: new Map(filled.map(({ id }) => [id, boxOf(GROUP + id)])),
    edges: edges.map(({ from, to }) => (graph.edge(TASK + from, TASK + to) as { points?: Point[] }).points ?? []),
  };
}

function finite(length: number | undefined): number {
  return length !== undefined && Number.isFinite(length) && length > 0 ? length : 1;
}

/** Gives the groups that hold a task, directly or not; dagre cannot place an empty one. */
function findFilledGroups(nodes: NodeSpec[], groups: GroupSpec[]): GroupSpec[] {
  const byId = new Map(groups.map((group) => [group.id, group]));
  const filled = new Set<string>();
  for (const { group } of nodes)
    for (let id = group; id !== null && byId.has(id) && !filled.has(id); id = byId.get(id)?.parent ?? null)
      filled.add(id);
  return groups.filter(({ id }) => filled.has(id));
}

/** Draws a line through points, rounded where it turns. */
export function drawPath(points: Point[]): string {
  const [first, ...rest] = points;
  const last = rest.at(-1);
  if (!first || !last) return "";
  const parts = [`M${at(first)}`];
  for (let i = 0; i < rest.length - 1; i++) {
    const here = rest[i] as Point;
    const next = rest[i + 1] as Point;
    parts.push(`Q${at(here)} ${at(i === rest.length - 2 ? next : middle(here, next))}`);
  }
  if (rest.length === 1) parts.push(`L${at(last)}`);
  return parts.join("");
}

function at({ x, y }: Point): string {
  return `${x.toFixed(1)},${y.toFixed(1)}`;
}

function middle(one: Point, other: Point): Point {
  return { x: (one.x + other.x) / 2, y: (one.y + other.y) / 2 };
}
