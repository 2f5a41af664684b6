// Values in their canonical form (see graph/canonical.py) as text for people.

import type { Json } from "./model";

type Tagged = { [key: string]: Json };

/** Writes a value in one line. */
export function show(value: Json | undefined): string {
  if (value === undefined) return "";
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "number") return String(value);
  if (Array.isArray(value)) return `[${value.map(show).join(", ")}]`;
  const tag = Object.keys(value)[0] ?? "";
  return tag.startsWith("$") ? showTagged(tag, value) : showDict(Object.entries(value));
}

function showDict(pairs: [string, Json][]): string {
  return `{${pairs.map(([key, item]) => `${JSON.stringify(key)}: ${show(item)}`).join(", ")}}`;
}

function showTagged(tag: string, data: Tagged): string {
  const value = data[tag] ?? null;
  switch (tag) {
    case "$unknown":
      return "?";
    case "$tuple":
      return `(${(value as Json[]).map(show).join(", ")})`;
    case "$set":
      return `{${(value as Json[]).map(show).join(", ")}}`;
    case "$dict":
      return `{${(value as [Json, Json][]).map(([key, item]) => `${show(key)}: ${show(item)}`).join(", ")}}`;
    case "$object":
      return String(data.text || value);
    case "$timedelta":
      return `${String(value)} s`;
    case "$bytes":
      return "bytes";
    default:
      return ["$output", "$argument", "$literal", "$map", "$zip", "$concat"].includes(tag)
        ? showSource(data)
        : String(value);
  }
}

/** Writes what something is mapped over, as `Product` and `Rows` do. */
export function showMapping(mapping: Json | undefined): string {
  if (!mapping || typeof mapping !== "object" || Array.isArray(mapping)) return "";
  if (Array.isArray(mapping.expand))
    return (mapping.expand as [string, Tagged][]).map(([name, source]) => `${name}=${showSource(source)}`).join(", ");
  return `rows of ${showSource(mapping.expand_kwargs as Tagged)}`;
}

function showSource(data: Tagged): string {
  if ("$literal" in data) {
    const items = data.$literal as Json[] | Tagged;
    const length = Array.isArray(items) ? items.length : Object.keys(items).length;
    return `a literal of ${length}`;
  }
  if ("$output" in data)
    return data.key === "return_value" ? String(data.$output) : `${String(data.$output)}[${show(data.key)}]`;
  if ("$argument" in data) return `${String(data.$argument)}(${String(data.name)})`;
  if ("$map" in data) {
    const functions = data.functions as { name: string }[];
    return showSource(data.$map as Tagged) + functions.map(({ name }) => `.map(${name})`).join("");
  }
  const name = "$zip" in data ? "zip" : "concat";
  const [first, ...rest] = (data[`$${name}`] as Tagged[]).map(showSource);
  return `${first}.${name}(${rest.join(", ")})`;
}

/** Cuts a text to a width, in characters. */
export function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(width - 1, 1))}…`;
}

export function count(number: number, noun: string): string {
  return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
}

export function seconds(number: number): string {
  return number < 10 ? `${number.toFixed(2)} s` : `${Math.round(number)} s`;
}
