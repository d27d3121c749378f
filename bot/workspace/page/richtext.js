// Slack's rich_text: text that was typed into Slack's own editor, as a tree.

import { formattedDate } from "./clock.js";
import { el } from "./dom.js";
import { glyph } from "./emoji.js";
import { link } from "./links.js";
import { broadcastMention, channelMention, userMention } from "./references.js";

export function richText(block, names) {
  return nested(block.elements).map((part) => rendered(part, names));
}

function rendered(part, names) {
  const inside = () => (part.elements ?? []).map((piece) => inline(piece, names));
  switch (part.type) {
    case "rich_text_list": {
      const items = part.elements.map((item) => el("li", {}, (item.elements ?? []).map((piece) => inline(piece, names)),
        (item.lists ?? []).map((list) => rendered(list, names))));
      return el(part.style === "ordered" ? "ol" : "ul", { start: part.offset ? part.offset + 1 : undefined }, items);
    }
    case "rich_text_preformatted":
      return el("pre", {}, el("code", {}, (part.elements ?? []).map((piece) => piece.text ?? piece.url ?? "")));
    case "rich_text_quote":
      return el("blockquote", {}, inside());
    default:
      return el("p", {}, inside());
  }
}

/** Lists come flat with an indent; one that is deeper belongs to the last item of the one before. */
function nested(parts) {
  const roots = [];
  const open = [];
  for (const part of parts) {
    if (part.type !== "rich_text_list") {
      open.length = 0;
      roots.push(part);
      continue;
    }
    const list = { ...part, elements: part.elements.map((item) => ({ ...item, lists: [] })) };
    while (open.length && (open.at(-1).indent ?? 0) >= (list.indent ?? 0)) open.pop();
    const parent = open.at(-1)?.elements.at(-1);
    if (parent) parent.lists.push(list);
    else roots.push(list);
    open.push(list);
  }
  return roots;
}

function inline(piece, names) {
  switch (piece.type) {
    case "text": return styled(lines(piece.text), piece.style);
    case "link": return styled([link(piece.url, [piece.text || piece.url])], piece.style);
    case "user": return userMention(piece.user_id, names);
    case "channel": return channelMention(piece.channel_id, names);
    case "broadcast": return broadcastMention(piece.range);
    case "usergroup": return el("span", { class: "mention" }, "@group");
    case "emoji": return glyph(piece.name) ?? `:${piece.name}:`;
    case "date": return el("time", {}, formattedDate(piece.timestamp, piece.format ?? "", piece.fallback ?? ""));
    case "color": return el("code", {}, piece.value);
    default: return piece.text ?? "";
  }
}

function lines(text) {
  return text.split("\n").flatMap((line, index) => (index ? [el("br"), line] : [line]));
}

function styled(nodes, style = {}) {
  let inside = nodes;
  if (style.code) inside = [el("code", {}, inside)];
  if (style.strike) inside = [el("s", {}, inside)];
  if (style.italic) inside = [el("em", {}, inside)];
  if (style.bold) inside = [el("strong", {}, inside)];
  return inside;
}
