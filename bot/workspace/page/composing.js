// Between what a person types (@tandem, #general) and what a message holds (<@U…>, <#C…>).

import { escape, unescape } from "./references.js";

const BROADCASTS = new Set(["here", "channel", "everyone"]);

export function typed(text, store) {
  const people = new Map([...store.people.values()].map((person) => [person.name, person.id]));
  const channels = new Map([...store.channels.values()].filter((channel) => channel.name).map((channel) => [channel.name, channel.id]));
  return escape(text.trim())
    .replace(/(?<![\p{L}\p{N}@/.])@([\p{L}\p{N}][\p{L}\p{N}._-]*)/gu, (whole, name) => {
      const [known, rest] = longest(name, (part) => people.has(part) || BROADCASTS.has(part));
      if (!known) return whole;
      return `${BROADCASTS.has(known) ? `<!${known}>` : `<@${people.get(known)}>`}${rest}`;
    })
    .replace(/(?<![\p{L}\p{N}&/#])#([\p{L}\p{N}][\p{L}\p{N}_-]*)/gu, (whole, name) => (channels.has(name) ? `<#${channels.get(name)}>` : whole));
}

/** "tandem." is @tandem and a full stop. */
function longest(name, known) {
  for (let end = name.length; end > 0; end -= 1) {
    if (known(name.slice(0, end)) && !/[\p{L}\p{N}]/u.test(name[end] ?? "")) return [name.slice(0, end), name.slice(end)];
  }
  return [null, name];
}

export function untyped(text, store) {
  const { names } = store;
  return unescape(text.replace(/<([@#!])([^<>|]+)(?:\|([^<>]*))?>/g, (whole, kind, id, label) => {
    if (kind === "@") return `@${names.user(id) ?? label ?? id}`;
    if (kind === "#") return `#${names.channel(id) ?? label ?? id}`;
    return BROADCASTS.has(id) ? `@${id}` : label ?? whole;
  }).replace(/<((?:https?:|mailto:)[^<>|]+)(?:\|[^<>]*)?>/g, "$1"));
}
