// Standard Markdown, as Slack's `markdown` blocks and streamed text carry it. Unfinished marks, as they
// stand in the middle of a stream, show as typed until their end arrives.

import { el } from "./dom.js";
import { inline } from "./inline.js";

const FENCE = /^ {0,3}(```+|~~~+)\s*(\S*)/;
const HEADING = /^ {0,3}(#{1,6})\s+(.*?)\s*#*$/;
const RULE = /^ {0,3}([-*_])(?: *\1){2,}\s*$/;
const QUOTE = /^ {0,3}> ?(.*)$/;
const ITEM = /^(\s*)([-*+]|\d{1,9}[.)])\s+(.*)$/;
// Deeper quotes and lists show as typed: each level is a call deeper, and a message may hold thousands.
const DEEPEST = 12;
const TABLE_RULE = /^\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*$/;

export function markdown(text, names) {
  return blocksOf(text.replaceAll("\r\n", "\n").split("\n"), names, 0);
}

function blocksOf(lines, names, depth) {
  const nodes = [];
  let at = 0;
  while (at < lines.length) {
    const [node, next] = blockAt(lines, at, names, depth);
    if (node) nodes.push(node);
    at = next;
  }
  return nodes;
}

function blockAt(lines, at, names, depth) {
  const line = lines[at];
  if (!line.trim()) return [null, at + 1];
  if (FENCE.test(line)) return fenced(lines, at);
  if (RULE.test(line)) return [el("hr"), at + 1];
  const heading = HEADING.exec(line);
  // A message's headings sit below the page's own h1 and h2.
  if (heading) return [el(`h${Math.min(heading[1].length + 2, 6)}`, {}, inline(heading[2], names)), at + 1];
  if (QUOTE.test(line) && depth < DEEPEST) return quote(lines, at, names, depth);
  if (ITEM.test(line) && depth < DEEPEST) return list(lines, at, names, depth);
  if (startsTable(lines, at)) return table(lines, at, names);
  return paragraph(lines, at, names);
}

function fenced(lines, at) {
  const [, fence, language] = FENCE.exec(lines[at]);
  let end = at + 1;
  while (end < lines.length && !lines[end].trim().startsWith(fence)) end += 1;
  const code = el("code", { data: { language: language || null } }, lines.slice(at + 1, end).join("\n"));
  return [el("pre", {}, code), end + 1];
}

function quote(lines, at, names, depth) {
  const inner = [];
  let end = at;
  for (; end < lines.length && QUOTE.test(lines[end]); end += 1) inner.push(QUOTE.exec(lines[end])[1]);
  return [el("blockquote", {}, blocksOf(inner, names, depth + 1)), end];
}

function list(lines, at, names, depth) {
  const [, indent, marker] = ITEM.exec(lines[at]);
  const ordered = /\d/.test(marker);
  const items = [];
  let end = at;
  while (end < lines.length) {
    const item = ITEM.exec(lines[end]);
    if (!item || item[1].length > indent.length + 1 || item[1].length < indent.length) break;
    if (/\d/.test(item[2]) !== ordered) break;
    const body = [item[3]];
    end += 1;
    const inside = item[1].length + 1;
    while (end < lines.length && belongs(lines, end, inside)) body.push(lines[end++]);
    items.push(listItem(body, names, depth));
    while (end < lines.length && !lines[end].trim() && ITEM.test(lines[end + 1] ?? "")) end += 1;
  }
  const start = ordered ? Number.parseInt(marker, 10) : undefined;
  return [el(ordered ? "ol" : "ul", { start: start === 1 ? undefined : start }, items), end];
}

/** A line belongs to the item above when it is indented past the item's marker, or is blank before one that is. */
function belongs(lines, at, inside) {
  const line = lines[at].trim() ? lines[at] : lines[at + 1] ?? "";
  return line.trim() !== "" && /^\s*/.exec(line)[0].length >= inside;
}

function listItem(body, names, depth) {
  const [first, ...rest] = body;
  const indent = Math.min(...rest.filter((line) => line.trim()).map((line) => /^\s*/.exec(line)[0].length));
  const task = /^\[([ xX])\]\s+(.*)$/.exec(first);
  const head = task ? [task[1] === " " ? "☐ " : "☑ ", ...inline(task[2], names)] : inline(first, names);
  return el("li", {}, head, blocksOf(rest.map((line) => line.slice(indent)), names, depth + 1));
}

function startsTable(lines, at) {
  return lines[at].includes("|") && TABLE_RULE.test(lines[at + 1] ?? "") && (lines[at + 1] ?? "").includes("-");
}

function table(lines, at, names) {
  const alignments = cells(lines[at + 1]).map((rule) => {
    if (/^:-*:$/.test(rule)) return "centre";
    return rule.endsWith(":") ? "right" : "left";
  });
  const row = (line, tag) => {
    const found = cells(line);
    return el("tr", {}, alignments.map((align, column) => el(tag, { class: `align-${align}` }, inline(found[column] ?? "", names))));
  };
  let end = at + 2;
  while (end < lines.length && lines[end].includes("|")) end += 1;
  const body = lines.slice(at + 2, end).map((line) => row(line, "td"));
  const whole = el("table", {}, el("thead", {}, row(lines[at], "th")), el("tbody", {}, body));
  return [el("div", { class: "table-scroll", tabindex: "0", role: "group", aria: { label: "Table" } }, whole), end];
}

function cells(line) {
  return line.trim().replace(/^\|/, "").replace(/(?<!\\)\|$/, "").split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll("\\|", "|"));
}

function paragraph(lines, at, names) {
  let end = at + 1;
  while (end < lines.length && lines[end].trim() && !opens(lines, end)) end += 1;
  const rows = lines.slice(at, end).flatMap((line, index) => (index ? [el("br"), ...inline(line.trim(), names)] : inline(line.trim(), names)));
  return [el("p", {}, rows), end];
}

function opens(lines, at) {
  return [FENCE, HEADING, RULE, QUOTE, ITEM].some((pattern) => pattern.test(lines[at])) || startsTable(lines, at);
}
