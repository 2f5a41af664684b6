// The one box that says what is under the pointer.

import { h, replace } from "./dom";

const MOST_FACTS = 12;
let tip: HTMLElement | null = null;

export function showTip(event: PointerEvent, title: string, facts: [string, string][]): void {
  tip ??= document.body.appendChild(h("div", { class: "tip", role: "tooltip" }));
  const shown = facts.slice(0, MOST_FACTS).flatMap(([name, text]) => [h("dt", {}, name), h("dd", {}, text)]);
  replace(tip, h("strong", {}, title), h("dl", { class: "facts" }, ...shown));
  tip.hidden = false;
  const { width, height } = tip.getBoundingClientRect();
  const left = event.clientX + 16 + width > window.innerWidth ? event.clientX - width - 12 : event.clientX + 16;
  const top = event.clientY + 18 + height > window.innerHeight ? event.clientY - height - 12 : event.clientY + 18;
  tip.style.left = `${Math.max(left, 4)}px`;
  tip.style.top = `${Math.max(top, 4)}px`;
}

export function hideTip(): void {
  if (tip) tip.hidden = true;
}
