// Slack's own markup, "mrkdwn": *bold*, _italic_, ~strike~, `code`, ```blocks```, > quotes and <…> references.

import { el } from "./dom.js";
import { withEmoji } from "./emoji.js";
import { linkified } from "./links.js";
import { reference, unescape } from "./references.js";

export function mrkdwn(text, names) {
  return text.split(/(```[\s\S]*?```)/).flatMap((part) => {
    if (part.length > 6 && part.startsWith("```") && part.endsWith("```")) {
      return [el("pre", {}, el("code", {}, unescape(part.slice(3, -3).replace(/^\n/, ""))))];
    }
    return part ? lines(part, names) : [];
  });
}

function lines(text, names) {
  const nodes = [];
  let quoted = [];
  const closeQuote = () => {
    if (quoted.length) nodes.push(el("blockquote", {}, broken(quoted, names)));
    quoted = [];
  };
  let plain = [];
  const closePlain = () => {
    if (plain.length) nodes.push(el("p", {}, broken(plain, names)));
    plain = [];
  };
  for (const line of text.replace(/^\n|\n$/g, "").split("\n")) {
    const quote = /^(?:&gt;|>) ?(.*)$/.exec(line);
    if (quote) {
      closePlain();
      quoted.push(quote[1]);
    } else {
      closeQuote();
      plain.push(line);
    }
  }
  closeQuote();
  closePlain();
  return nodes;
}

function broken(rows, names) {
  return rows.flatMap((row, index) => (index ? [el("br"), ...spans(row, names)] : spans(row, names)));
}

// Code and references bind first, so their insides are never styled; a mark opens at a word's start and closes at its end.
const SPAN = /`([^`\n]+)`|<([^<>\n]+)>|(?<![\p{L}\p{N}*_~])([*_~])(?=\S)((?:`[^`\n]+`|<[^<>\n]+>|(?!\3)[^`<]){1,2000}?)(?<=\S)\3(?![\p{L}\p{N}])/gu;
const TAGS = { "*": "strong", _: "em", "~": "s" };

function spans(text, names) {
  const nodes = [];
  let from = 0;
  for (const found of text.matchAll(SPAN)) {
    nodes.push(...words(text.slice(from, found.index)));
    const [whole, code, angle, mark, inner] = found;
    if (code !== undefined) nodes.push(el("code", {}, unescape(code)));
    else if (angle !== undefined) nodes.push(reference(angle, names));
    else nodes.push(el(TAGS[mark], {}, spans(inner, names)));
    from = found.index + whole.length;
  }
  return [...nodes, ...words(text.slice(from))];
}

function words(text) {
  return text ? linkified(withEmoji(unescape(text))) : [];
}
