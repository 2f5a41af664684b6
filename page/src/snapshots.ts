// Reading snapshots (see render/snapshot.py), and what changed between two of them, line by line.

export type Entry = { head: string; text: string };
export type Page = { tasks: Map<string, Entry>; edges: Map<string, { ends: [string, string]; kind: string }> };

const NAME = String.raw`"(?:[^"\\]|\\.)*"|[^\s:="]+`;
const TASK = new RegExp(`^(${NAME})(?:: (.*))?$`);
const EDGE = new RegExp(`^(${NAME}) -> (${NAME})(?:: (.*))?$`);

/** Reads the tasks and dependencies of a snapshot. */
export function readSnapshot(text: string): Page {
  const page: Page = { tasks: new Map(), edges: new Map() };
  for (const block of text.split("\n\n").slice(1)) {
    const [title, ...lines] = block.split("\n");
    if (title === "[tasks]") readTasks(lines, page);
    if (title === "[dependencies]") readEdges(lines, page);
  }
  return page;
}

function readTasks(lines: string[], page: Page): void {
  let entry: Entry | undefined;
  for (const line of lines) {
    const match = line.startsWith("  ") ? null : TASK.exec(line);
    if (match) {
      entry = { head: match[2] ?? "", text: match[2] ?? "plain" };
      page.tasks.set(readName(match[1] ?? ""), entry);
    } else if (entry && line.trim()) {
      entry.text += `\n${line.slice(2)}`;
    }
  }
}

function readEdges(lines: string[], page: Page): void {
  for (const line of lines) {
    const match = EDGE.exec(line);
    if (!match) continue;
    const ends: [string, string] = [readName(match[1] ?? ""), readName(match[2] ?? "")];
    page.edges.set(JSON.stringify(ends), { ends, kind: match[3] ?? "all" });
  }
}

function readName(text: string): string {
  if (!text.startsWith('"')) return text;
  try {
    return JSON.parse(text) as string;
  } catch {
    return text;
  }
}

export type Line = { before: string | null; after: string | null; beforeNumber: number; afterNumber: number };

const MOST = 3_000_000;

/** Pairs the lines of two texts: equal ones with each other, changed ones side by side. */
export function compareLines(before: string, after: string): Line[] {
  const one = before.replace(/\n$/, "").split("\n").filter((_, i, all) => all.length > 1 || all[i] !== "");
  const other = after.replace(/\n$/, "").split("\n").filter((_, i, all) => all.length > 1 || all[i] !== "");
  const lines: Line[] = [];
  let i = 0;
  let j = 0;
  const take = (untilI: number, untilJ: number): void => {
    while (i < untilI || j < untilJ) {
      const line = { before: i < untilI ? one[i]! : null, after: j < untilJ ? other[j]! : null };
      lines.push({ ...line, beforeNumber: i + 1, afterNumber: j + 1 });
      if (line.before !== null) i++;
      if (line.after !== null) j++;
    }
  };
  for (const [a, b] of findCommon(one, other)) {
    take(a, b);
    take(a + 1, b + 1);
  }
  take(one.length, other.length);
  return lines;
}

/** Gives a longest sequence of common lines, as pairs of positions. */
function findCommon(one: string[], other: string[]): [number, number][] {
  const n = one.length;
  const m = other.length;
  if (n * m > MOST) return [];
  const best = Array.from({ length: n + 1 }, () => new Uint32Array(m + 1));
  for (let i = n - 1; i >= 0; i--)
    for (let j = m - 1; j >= 0; j--)
      best[i]![j] = one[i] === other[j] ? best[i + 1]![j + 1]! + 1 : Math.max(best[i + 1]![j]!, best[i]![j + 1]!);
  const pairs: [number, number][] = [];
  for (let i = 0, j = 0; i < n && j < m; ) {
    if (one[i] === other[j]) pairs.push([i++, j++]);
    else if (best[i + 1]![j]! >= best[i]![j + 1]!) i++;
    else j++;
  }
  return pairs;
}

/** Gives how much two texts share at their start and at their end. */
export function findShared(one: string, other: string): [start: number, end: number] {
  const most = Math.min(one.length, other.length);
  let start = 0;
  while (start < most && one[start] === other[start]) start++;
  let end = 0;
  while (end < most - start && one[one.length - 1 - end] === other[other.length - 1 - end]) end++;
  return [start, end];
}
