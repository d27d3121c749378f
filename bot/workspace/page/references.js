// Slack's <…> references: people, channels, broadcasts, dates and links.

import { el } from "./dom.js";
import { link } from "./links.js";
import { formattedDate } from "./clock.js";

/** `names` answers user(id), channel(id) → name or undefined, and me → the id of whoever looks at the page. */
export function reference(body, names) {
  const bar = body.indexOf("|");
  const target = bar < 0 ? body : body.slice(0, bar);
  const label = bar < 0 ? "" : body.slice(bar + 1);
  if (target.startsWith("@")) return userMention(target.slice(1), names, label);
  if (target.startsWith("#")) return channelMention(target.slice(1), names, label);
  if (target.startsWith("!date^")) return dateMention(target, label);
  if (target.startsWith("!subteam^")) return el("span", { class: "mention" }, label || "@group");
  if (target.startsWith("!")) return el("span", { class: "mention mention-me" }, `@${label || target.slice(1)}`);
  return link(unescape(target), [unescape(label || target)]);
}

export function userMention(id, names, label = "") {
  const mine = id === names.me;
  return el("span", { class: mine ? "mention mention-me" : "mention" }, `@${names.user(id) ?? (label || id)}`);
}

export function channelMention(id, names, label = "") {
  const name = names.channel(id) ?? label;
  if (!name) return el("span", { class: "mention" }, "#private-channel");
  return el("a", { class: "mention", href: `#${new URLSearchParams({ as: names.me, in: id })}` }, `#${name}`);
}

export function broadcastMention(range) {
  return el("span", { class: "mention mention-me" }, `@${range}`);
}

function dateMention(target, fallback) {
  const [, seconds, format] = target.split("^");
  return el("time", {}, formattedDate(Number(seconds), format ?? "", fallback));
}

/** Slack escapes three characters and no others. */
export function unescape(text) {
  return text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
}

export function escape(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
