// What stands inside one line of Markdown: emphasis, code, links, Slack's references.

import { el } from "./dom.js";
import { withEmoji } from "./emoji.js";
import { link, linkified } from "./links.js";
import { reference, unescape } from "./references.js";

// A mark that never closes would be looked for to the end, from each of its thousands: 2,000 characters are enough.
// In order of what binds first. Each holds its own groups; `render` gets them after the whole match.
const RULES = [
  { pattern: /\\([\\`*_{}[\]()#+\-.!|~<>])/g, render: ([, character]) => character },
  { pattern: /(?<!`)(`+)(?!`)(.{1,2000}?)(?<!`)\1(?!`)/g, render: ([, , code]) => el("code", {}, code.replace(/^ (.+) $/, "$1")) },
  // An image is never fetched: the address may carry what a document told the model to leak.
  { pattern: /!?\[([^[\]]*(?:\[[^[\]]*\][^[\]]*)*)\]\(\s*<?([^\s()<>]+(?:\([^\s()<>]*\)[^\s()<>]*)*)>?(?:\s+"[^"]*")?\s*\)/g,
    render: ([, label, address], names) => link(address, inline(label || address, names)) },
  { pattern: /<([@#!][^<>\s]+[^<>]*|(?:https?:\/\/|mailto:)[^<>]+)>/g, render: ([, body], names) => reference(body, names) },
  { pattern: /\*\*(?=\S)(.{1,2000}?)(?<=\S)\*\*(?!\*)/g, render: ([, inner], names) => el("strong", {}, inline(inner, names)) },
  { pattern: /(?<![\p{L}\p{N}_])__(?=\S)(.{1,2000}?)(?<=\S)__(?![\p{L}\p{N}_])/gu, render: ([, inner], names) => el("strong", {}, inline(inner, names)) },
  { pattern: /~~(?=\S)(.{1,2000}?)(?<=\S)~~/g, render: ([, inner], names) => el("s", {}, inline(inner, names)) },
  { pattern: /(?<!\*)\*(?=[^\s*])((?:[^*]|\*\*){1,2000}?)(?<=[^\s*])\*(?!\*)/g, render: ([, inner], names) => el("em", {}, inline(inner, names)) },
  { pattern: /(?<![\p{L}\p{N}_])_(?=\S)([^_]{1,2000}?)(?<=\S)_(?![\p{L}\p{N}_])/gu, render: ([, inner], names) => el("em", {}, inline(inner, names)) },
];

export function inline(text, names) {
  const nodes = [];
  const ahead = RULES.map((rule) => ({ rule, found: matchFrom(rule, text, 0) }));
  let from = 0;
  for (let next = earliest(ahead); next; next = earliest(ahead)) {
    nodes.push(...words(text.slice(from, next.found.index)), next.rule.render(next.found, names));
    from = next.found.index + next.found[0].length;
    // Only what was overtaken is looked for again, so a long message takes its length, not its square.
    for (const other of ahead) {
      if (other.found && other.found.index < from) other.found = matchFrom(other.rule, text, from);
    }
  }
  return [...nodes, ...words(text.slice(from))];
}

function matchFrom({ pattern }, text, from) {
  pattern.lastIndex = from;
  return pattern.exec(text);
}

/** The match that starts first; of two at one place, the rule that stands first. */
function earliest(ahead) {
  const found = ahead.filter((one) => one.found);
  return found.reduce((best, one) => (best && best.found.index <= one.found.index ? best : one), null);
}

function words(text) {
  return text ? linkified(withEmoji(unescape(text))) : [];
}
