// What stands inside one line of Markdown: emphasis, code, links, Slack's references.

import { el } from "./dom.js";
import { withEmoji } from "./emoji.js";
import { link, linkified } from "./links.js";
import { reference, unescape } from "./references.js";

// In order of what binds first. Each holds its own groups; `render` gets them after the whole match.
const RULES = [
  { pattern: /\\([\\`*_{}[\]()#+\-.!|~<>])/, render: ([, character]) => character },
  { pattern: /(`+)(?!`)(.+?)(?<!`)\1(?!`)/, render: ([, , code]) => el("code", {}, code.replace(/^ (.+) $/, "$1")) },
  // An image is never fetched: the address may carry what a document told the model to leak.
  { pattern: /!?\[([^[\]]*(?:\[[^[\]]*\][^[\]]*)*)\]\(\s*<?([^\s()<>]+(?:\([^\s()<>]*\)[^\s()<>]*)*)>?(?:\s+"[^"]*")?\s*\)/,
    render: ([, label, address], names) => link(address, inline(label || address, names)) },
  { pattern: /<([@#!][^<>\s]+[^<>]*|(?:https?:\/\/|mailto:)[^<>]+)>/, render: ([, body], names) => reference(body, names) },
  { pattern: /\*\*(?=\S)(.+?)(?<=\S)\*\*(?!\*)/, render: ([, inner], names) => el("strong", {}, inline(inner, names)) },
  { pattern: /(?<![\p{L}\p{N}_])__(?=\S)(.+?)(?<=\S)__(?![\p{L}\p{N}_])/u, render: ([, inner], names) => el("strong", {}, inline(inner, names)) },
  { pattern: /~~(?=\S)(.+?)(?<=\S)~~/, render: ([, inner], names) => el("s", {}, inline(inner, names)) },
  { pattern: /(?<!\*)\*(?=[^\s*])((?:[^*]|\*\*)+?)(?<=[^\s*])\*(?!\*)/, render: ([, inner], names) => el("em", {}, inline(inner, names)) },
  { pattern: /(?<![\p{L}\p{N}_])_(?=\S)([^_]+?)(?<=\S)_(?![\p{L}\p{N}_])/u, render: ([, inner], names) => el("em", {}, inline(inner, names)) },
];

export function inline(text, names) {
  const nodes = [];
  let rest = text;
  for (let next = earliest(rest); next; next = earliest(rest)) {
    const { found, rule } = next;
    nodes.push(...words(rest.slice(0, found.index)), rule.render(found, names));
    rest = rest.slice(found.index + found[0].length);
  }
  return [...nodes, ...words(rest)];
}

/** The match that starts first; of two at one place, the rule that stands first. */
function earliest(text) {
  let best = null;
  for (const rule of RULES) {
    const found = rule.pattern.exec(text);
    if (found && (best === null || found.index < best.found.index)) best = { found, rule };
  }
  return best;
}

function words(text) {
  return text ? linkified(withEmoji(unescape(text))) : [];
}
