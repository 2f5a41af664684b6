// One drawn graph: folded tasks that open to their instances, zoom and pan, hover and keyboard.

import { h, replace, s } from "./dom";
import { type DrawnNode, type Drawing, factsOf, nameInstance, tally } from "./drawing";
import { type Box, type Direction, type Layout, drawPath, layOut } from "./layout";
import { type TaskExpansion, keyOf, nodesOf, stateOf, upstreamRange } from "./model";
import { hideTip, showTip } from "./tip";
import { cut } from "./values";

const HEADER = 46;
const PADDING = 8;
/** Room for the name of a group, above what dagre leaves. */
const GROUP_HEADER = 9;
const ROW = { width: 196, height: 20, gap: 4, most: 24, perColumn: 12 };
const CELL = { size: 11, gap: 3 };
const MOST_LISTED = 8;
/** Above so many tasks only one direction is tried. */
const MOST_TRIED = 150;
const ZOOM = { least: 0.04, most: 3, fit: 1.1, step: 1.25 };

type Place = { task: string; index: number };
type Grid = { rows: boolean; columns: number; width: number; height: number };

const measure = document.createElement("canvas").getContext("2d");

function textWidth(text: string): number {
  if (!measure) return text.length * 7;
  measure.font = "600 13px system-ui, sans-serif";
  return measure.measureText(text).width;
}

export class GraphView {
  readonly element: HTMLElement;
  private readonly svg: SVGSVGElement;
  private readonly scene: SVGGElement;
  private readonly details: HTMLElement;
  private readonly byId: Map<string, DrawnNode>;
  private readonly open = new Set<string>();
  private layout: Layout | null = null;
  private direction: Direction | null = null;
  private view = { x: 0, y: 0, scale: 1 };
  private touched = false;
  private selected: Place | null = null;

  constructor(
    private readonly drawing: Drawing,
    label: string,
  ) {
    this.byId = new Map(drawing.nodes.map((node) => [node.id, node]));
    this.scene = s("g", { class: "scene" });
    this.svg = s("svg", { class: "graph", tabindex: 0, role: "group", "aria-label": label }, makeArrows(), this.scene);
    this.details = h("div", { class: "details", "aria-live": "polite", hidden: true });
    this.element = h("div", { class: "graph-box" }, this.svg, this.makeControls(), this.details);
    this.listen();
    new ResizeObserver(() => this.resize()).observe(this.svg);
  }

  // -- drawing ------------------------------------------------------------------------------------------------

  private resize(): void {
    if (this.svg.clientWidth === 0) return;
    if (!this.layout) this.draw();
    if (!this.touched) this.fit();
  }

  private draw(): void {
    const { nodes, groups, edges } = this.drawing;
    const specs = nodes.map((node) => ({ id: node.id, group: node.group, ...this.sizeOf(node) }));
    this.direction ??= this.chooseDirection(specs);
    this.layout = layOut(specs, groups, edges, this.direction);
    const shapes = groups.flatMap((group) => {
      const box = this.layout?.groups.get(group.id);
      return box ? [drawGroup(group.title, group.mapped, box)] : [];
    });
    const lines = edges.map((edge, i) => drawEdge(edge.kind, edge.mark, this.layout?.edges[i] ?? []));
    const boxes = nodes.map((node) => this.drawNode(node, this.layout?.nodes.get(node.id)));
    this.scene.replaceChildren(...shapes, ...lines.flat(), ...boxes);
  }

  private chooseDirection(specs: Parameters<typeof layOut>[0]): Direction {
    const { groups, edges } = this.drawing;
    if (specs.length > MOST_TRIED) return "LR";
    const scaleOf = (direction: Direction): number => {
      const { width, height } = layOut(specs, groups, edges, direction);
      return Math.min(this.svg.clientWidth / width, this.svg.clientHeight / height, 1);
    };
    return scaleOf("TB") > scaleOf("LR") * 1.05 ? "TB" : "LR";
  }

  private sizeOf(node: DrawnNode): { width: number; height: number } {
    const text = Math.max(textWidth(cut(node.title, 34)), textWidth(cut(node.note, 40)) * 0.82);
    const width = Math.min(Math.max(text + 44, 116), 290);
    const grid = this.gridOf(node);
    if (!grid) return { width, height: HEADER };
    return { width: Math.max(width, grid.width + 2 * PADDING), height: HEADER + grid.height + PADDING };
  }

  /** Says how the instances of an open task stand in its box. */
  private gridOf(node: DrawnNode): Grid | null {
    const task = node.expansion;
    if (!task?.mapped || !task.count || !this.open.has(node.id)) return null;
    const rows = task.count <= ROW.most;
    const step = rows ? { x: ROW.width + ROW.gap, y: ROW.height + ROW.gap } : { x: CELL.size + CELL.gap, y: CELL.size + CELL.gap };
    const columns = rows ? Math.ceil(task.count / ROW.perColumn) : Math.ceil(Math.sqrt(task.count * 1.8));
    const lines = Math.ceil(task.count / columns);
    return { rows, columns, width: columns * step.x - ROW.gap, height: lines * step.y };
  }

  private drawNode(node: DrawnNode, box: Box | undefined): SVGGElement {
    const { x = 0, y = 0, width = 0, height = 0 } = box ?? {};
    const opens = Boolean(node.expansion?.mapped && node.expansion.count);
    const kinds = ["node", node.mapped && "mapped", node.state && `state-${node.state}`, node.mark && `mark-${node.mark}`];
    const stack = node.mapped && node.expansion?.count !== 0 && s("rect", { class: "stack", x: 4, y: 4, width, height, rx: 9 });
    const attributes = {
      class: kinds.filter(Boolean).join(" "),
      transform: `translate(${x.toFixed(1)},${y.toFixed(1)})`,
      tabindex: 0,
      role: opens ? "button" : "img",
      "aria-label": `${node.id}: ${node.note}`,
      "aria-expanded": opens ? String(this.open.has(node.id)) : null,
      "data-task": node.id,
    };
    return s(
      "g",
      attributes,
      stack,
      s("rect", { class: "box", width, height, rx: 9 }),
      s("rect", { class: "stripe", x: 7, y: 10, width: 4, height: HEADER - 20, rx: 2 }),
      s("text", { class: "title", x: 19, y: 20 }, cut(node.title, Math.floor((width - 40) / 7.2) + 2)),
      s("text", { class: "note", x: 19, y: 36 }, cut(node.note, Math.floor((width - 24) / 6))),
      opens && s("path", { class: "chevron", d: this.open.has(node.id) ? "m0,4 5,-5 5,5" : "m0,0 5,5 5,-5", transform: `translate(${width - 20},14)` }),
      opens && !this.open.has(node.id) && drawBar(node.expansion as TaskExpansion, width),
      this.drawInstances(node),
    );
  }

  private drawInstances(node: DrawnNode): SVGGElement | null {
    const grid = this.gridOf(node);
    const task = node.expansion;
    if (!grid || !task?.count) return null;
    const group = s("g", { class: grid.rows ? "instances rows" : "instances cells", transform: `translate(${PADDING},${HEADER})` });
    for (let index = 0; index < task.count; index++) group.append(drawInstance(task, index, grid));
    return group;
  }

  // -- opening, selecting, relating -----------------------------------------------------------------------------

  /** Opens or closes a task; its header stays where it is on the screen. */
  toggle(id: string): void {
    const node = this.byId.get(id);
    if (!node?.expansion?.mapped || !node.expansion.count) return;
    const before = this.layout?.nodes.get(id);
    if (!this.open.delete(id)) this.open.add(id);
    this.draw();
    const after = this.layout?.nodes.get(id);
    if (before && after) this.move((before.x - after.x) * this.view.scale, (before.y - after.y) * this.view.scale);
    this.touched = true;
    this.nodeElement(id)?.focus({ preventScroll: true });
    this.relate(this.selected);
  }

  openAll(): void {
    const mapped = this.drawing.nodes.filter((node) => node.expansion?.mapped && node.expansion.count);
    const close = mapped.every((node) => this.open.has(node.id));
    for (const { id } of mapped) if (close) this.open.delete(id); else this.open.add(id);
    this.draw();
    this.fit();
  }

  private select(place: Place | null): void {
    this.selected = place;
    this.relate(place);
    const node = place && this.byId.get(place.task);
    if (!place || !node?.expansion) {
      this.details.hidden = true;
      return;
    }
    const task = node.expansion;
    this.details.hidden = false;
    replace(
      this.details,
      h("div", { class: "details-head" }, h("strong", {}, keyOf(task, place.index)), this.makeClose()),
      makeFacts(factsOf(task, place.index)),
      makeKeys("waits for", this.listRelated(place, "up")),
      makeKeys("before", this.listRelated(place, "down")),
    );
  }

  private makeClose(): HTMLButtonElement {
    return h("button", { type: "button", class: "quiet", "aria-label": "Close", click: () => this.select(null) }, "✕");
  }

  /** Gives the indexes, by task, of the instances next to one. */
  private findRelated({ task, index }: Place, way: "up" | "down"): Map<string, number[] | "all"> {
    const found = new Map<string, number[] | "all">();
    for (const { dependency } of this.drawing.edges) {
      if (!dependency || dependency[way === "up" ? 1 : 0] !== task) continue;
      const up = this.byId.get(dependency[0])?.expansion;
      const down = this.byId.get(dependency[1])?.expansion;
      if (!up || !down) continue;
      const other = way === "up" ? up : down;
      if (dependency[2] === "all") found.set(other.task_id, "all");
      else if (way === "up") {
        const [from, to] = upstreamRange(dependency, up, down, index);
        found.set(up.task_id, range(from, to));
      } else {
        const waiting = range(0, nodesOf(down)).filter((i) => {
          const [from, to] = upstreamRange(dependency, up, down, i);
          return from <= index && index < to;
        });
        found.set(down.task_id, waiting);
      }
    }
    return found;
  }

  private listRelated(place: Place, way: "up" | "down"): string[] {
    return [...this.findRelated(place, way)].flatMap(([id, indexes]) => {
      const task = this.byId.get(id)?.expansion;
      if (!task) return [];
      if (indexes === "all" && nodesOf(task) > 1) return [`all ${nodesOf(task)} of ${id}`];
      return (indexes === "all" ? [0] : indexes).map((i) => keyOf(task, i));
    });
  }

  private relate(place: Place | null): void {
    for (const lit of this.scene.querySelectorAll(".lit, .chosen")) lit.classList.remove("lit", "chosen");
    if (!place) return;
    this.instanceElement(place.task, place.index)?.classList.add("chosen");
    for (const way of ["up", "down"] as const)
      for (const [id, indexes] of this.findRelated(place, way)) {
        if (indexes === "all" || indexes.length) this.nodeElement(id)?.classList.add("lit");
        for (const i of indexes === "all" ? [] : indexes) this.instanceElement(id, i)?.classList.add("lit");
      }
  }

  private nodeElement(id: string): SVGGElement | null {
    return this.scene.querySelector<SVGGElement>(`.node[data-task="${CSS.escape(id)}"]`);
  }

  private instanceElement(id: string, index: number): Element | null {
    return this.nodeElement(id)?.querySelector(".instances")?.children[index] ?? null;
  }

  // -- zoom and pan ---------------------------------------------------------------------------------------------

  fit(): void {
    if (!this.layout) return;
    const { clientWidth: width, clientHeight: height } = this.svg;
    const scale = Math.min(width / this.layout.width, height / this.layout.height, ZOOM.fit);
    this.view = {
      x: (width - this.layout.width * scale) / 2,
      y: (height - this.layout.height * scale) / 2,
      scale,
    };
    this.place();
  }

  zoom(factor: number, at?: { x: number; y: number }): void {
    const { x, y } = at ?? { x: this.svg.clientWidth / 2, y: this.svg.clientHeight / 2 };
    const scale = Math.min(Math.max(this.view.scale * factor, ZOOM.least), ZOOM.most);
    const ratio = scale / this.view.scale;
    this.view = { x: x - (x - this.view.x) * ratio, y: y - (y - this.view.y) * ratio, scale };
    this.touched = true;
    this.place();
  }

  private move(x: number, y: number): void {
    this.view.x += x;
    this.view.y += y;
    this.place();
  }

  private place(): void {
    const { x, y, scale } = this.view;
    this.scene.setAttribute("transform", `translate(${x.toFixed(2)},${y.toFixed(2)}) scale(${scale.toFixed(4)})`);
  }

  private makeControls(): HTMLElement {
    const button = (text: string, label: string, click: () => void): HTMLButtonElement =>
      h("button", { type: "button", title: label, "aria-label": label, click }, text);
    const opens = this.drawing.nodes.some((node) => node.expansion?.mapped && node.expansion.count);
    return h(
      "div",
      { class: "controls" },
      opens && button("⊞", "Open or close every task", () => this.openAll()),
      button("−", "Zoom out", () => this.zoom(1 / ZOOM.step)),
      button("+", "Zoom in", () => this.zoom(ZOOM.step)),
      button("⤢", "Show all", () => this.fit()),
    );
  }

  // -- events ---------------------------------------------------------------------------------------------------

  private listen(): void {
    this.svg.addEventListener("click", (event) => this.onClick(event));
    this.svg.addEventListener("keydown", (event) => this.onKey(event));
    this.svg.addEventListener("pointerdown", (event) => this.startPan(event));
    this.svg.addEventListener("pointermove", (event) => this.onHover(event));
    this.svg.addEventListener("pointerleave", () => this.leave());
    this.svg.addEventListener("wheel", (event) => this.onWheel(event), { passive: false });
  }

  private placeOf(target: EventTarget | null): { task: string | null; index: number | null } {
    const element = target instanceof Element ? target : null;
    const task = element?.closest("[data-task]")?.getAttribute("data-task") ?? null;
    const index = element?.closest("[data-index]")?.getAttribute("data-index") ?? null;
    return { task, index: index === null ? null : Number(index) };
  }

  private panned = false;

  private onClick(event: Event): void {
    const { task, index } = this.placeOf(event.target);
    if (this.panned || task === null) return;
    const node = this.byId.get(task);
    if (index !== null) this.select({ task, index });
    else if (node?.expansion?.mapped && node.expansion.count) this.toggle(task);
    else if (node?.expansion) this.select({ task, index: 0 });
  }

  private onKey(event: KeyboardEvent): void {
    const { task } = this.placeOf(event.target);
    const acts = task === null ? this.panKeys() : this.nodeKeys(task);
    const act = { ...acts, "+": () => this.zoom(ZOOM.step), "-": () => this.zoom(1 / ZOOM.step), "0": () => this.fit() }[event.key];
    if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act();
  }

  private panKeys(): Record<string, () => void> {
    return {
      ArrowLeft: () => this.move(60, 0),
      ArrowRight: () => this.move(-60, 0),
      ArrowUp: () => this.move(0, 60),
      ArrowDown: () => this.move(0, -60),
      Escape: () => this.select(null),
    };
  }

  private nodeKeys(task: string): Record<string, () => void> {
    const enter = (): void => {
      const expansion = this.byId.get(task)?.expansion;
      if (expansion?.mapped && expansion.count) this.toggle(task);
      else if (expansion) this.select({ task, index: 0 });
    };
    const common = { Enter: enter, " ": enter, Escape: () => this.select(null) };
    const grid = this.gridOf(this.byId.get(task) as DrawnNode);
    if (!grid) return common;
    const step = (by: number) => () => this.step(task, by);
    const perColumn = grid.rows ? ROW.perColumn : grid.columns;
    const [across, along] = grid.rows ? [perColumn, 1] : [1, perColumn];
    return { ...common, ArrowLeft: step(-across), ArrowRight: step(across), ArrowUp: step(-along), ArrowDown: step(along) };
  }

  private step(task: string, by: number): void {
    const number = this.byId.get(task)?.expansion?.count ?? 0;
    const from = this.selected?.task === task ? this.selected.index : by > 0 ? -by : number;
    const index = Math.min(Math.max(from + by, 0), number - 1);
    this.select({ task, index });
  }

  private startPan(event: PointerEvent): void {
    if (event.button !== 0) return;
    this.panned = false;
    const start = { x: event.clientX, y: event.clientY };
    let last = start;
    const onMove = (move: PointerEvent): void => {
      if (Math.hypot(move.clientX - start.x, move.clientY - start.y) > 4) this.panned = this.touched = true;
      if (this.panned) this.move(move.clientX - last.x, move.clientY - last.y);
      last = { x: move.clientX, y: move.clientY };
    };
    const onUp = (): void => {
      window.removeEventListener("pointermove", onMove);
      window.removeEventListener("pointerup", onUp);
      window.removeEventListener("pointercancel", onUp);
    };
    window.addEventListener("pointermove", onMove);
    window.addEventListener("pointerup", onUp);
    window.addEventListener("pointercancel", onUp);
  }

  private onWheel(event: WheelEvent): void {
    // As maps in pages do: the page scrolls past, unless the graph is at work or the gesture says zoom.
    if (!event.ctrlKey && !event.metaKey && !this.svg.contains(document.activeElement)) return;
    event.preventDefault();
    const box = this.svg.getBoundingClientRect();
    this.zoom(Math.exp(-event.deltaY * 0.0015), { x: event.clientX - box.left, y: event.clientY - box.top });
  }

  private onHover(event: PointerEvent): void {
    const { task, index } = this.placeOf(event.target);
    const node = task === null ? undefined : this.byId.get(task);
    if (!node || event.buttons) return hideTip();
    const expansion = node.expansion;
    const single = expansion && !(expansion.mapped && expansion.count);
    if (expansion && (index !== null || single)) {
      const at = index ?? 0;
      this.relate({ task: node.id, index: at });
      const facts = single && expansion.mapped ? node.facts : factsOf(expansion, at);
      return showTip(event, keyOf(expansion, at), facts);
    }
    this.relate(this.selected);
    showTip(event, node.id, node.facts);
  }

  private leave(): void {
    hideTip();
    this.relate(this.selected);
  }
}

function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(to - from, 0) }, (_, i) => from + i);
}

function makeArrows(): SVGDefsElement {
  const head = (id: string): SVGMarkerElement =>
    s("marker", { id, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto" }, s("path", { class: "head", d: "M0,1 7,4 0,7z" }));
  return s("defs", {}, head("arrow"));
}

function drawGroup(title: string, mapped: boolean, { x, y, width, height }: Box): SVGGElement {
  return s(
    "g",
    { class: mapped ? "group mapped" : "group" },
    s("rect", { x, y: y - GROUP_HEADER, width, height: height + GROUP_HEADER, rx: 12 }),
    s("text", { x: x + 12, y: y + 15 - GROUP_HEADER }, cut(title, Math.max(Math.floor((width - 20) / 6.6), 6))),
  );
}

function drawEdge(kind: string, mark: string | null, points: { x: number; y: number }[]): SVGElement[] {
  const path = s("path", { class: `edge kind-${kind}${mark ? ` mark-${mark}` : ""}`, d: drawPath(points), "marker-end": "url(#arrow)" });
  const middle = points[Math.floor(points.length / 2)];
  if (kind === "all" || !middle) return [path];
  const note = kind === "index" ? "1:1" : "block";
  return [path, s("text", { class: "edge-note", x: middle.x, y: middle.y - 5 }, note)];
}

/** Shows how the instances of a folded task end, as parts of a line. */
function drawBar(task: TaskExpansion, width: number): SVGGElement {
  const total = nodesOf(task);
  const length = width - 26;
  let x = 19;
  const parts = tally(task).map(([state, number]) => {
    const part = s("rect", { class: `bar state-${state}`, x, y: HEADER - 7, width: (length * number) / total, height: 3 });
    x += (length * number) / total;
    return part;
  });
  return s("g", {}, ...parts);
}

function drawInstance(task: TaskExpansion, index: number, grid: Grid): SVGElement {
  const state = `state-${stateOf(task, index)}`;
  if (!grid.rows) {
    const step = CELL.size + CELL.gap;
    const x = (index % grid.columns) * step;
    const y = Math.floor(index / grid.columns) * step;
    return s("rect", { class: `instance ${state}`, x, y, width: CELL.size, height: CELL.size, rx: 2.5, "data-index": index });
  }
  const x = Math.floor(index / ROW.perColumn) * (ROW.width + ROW.gap);
  const y = (index % ROW.perColumn) * (ROW.height + ROW.gap);
  return s(
    "g",
    { class: `instance ${state}`, transform: `translate(${x},${y})`, "data-index": index },
    s("rect", { width: ROW.width, height: ROW.height, rx: 5 }),
    s("circle", { cx: 11, cy: ROW.height / 2, r: 3.5 }),
    s("text", { x: 21, y: 14 }, cut(`${index}  ${nameInstance(task, index)}`, 27)),
  );
}

export function makeFacts(facts: [string, string][]): HTMLElement {
  return h("dl", { class: "facts" }, ...facts.flatMap(([name, text]) => [h("dt", {}, name), h("dd", {}, text)]));
}

function makeKeys(title: string, keys: string[]): HTMLElement | null {
  if (keys.length === 0) return null;
  const more = keys.length > MOST_LISTED ? ` and ${keys.length - MOST_LISTED} more` : "";
  return h("p", { class: "keys" }, h("span", {}, `${title} `), keys.slice(0, MOST_LISTED).join(", ") + more);
}
