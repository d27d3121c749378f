// Faces: initials on a quiet ground, the bot with its own mark.

import { el } from "./dom.js";
import { icon } from "./icons.js";
import { nameOf } from "./store.js";

const TINTS = 6;

export function avatar(person, size = "normal") {
  if (person?.is_bot) return el("span", { class: `avatar avatar-${size} avatar-bot`, aria: { hidden: true } }, icon("tandem"));
  const name = person ? nameOf(person) : "?";
  const initials = name.split(/\s+/).slice(0, 2).map((word) => [...word][0] ?? "").join("").toUpperCase();
  return el("span", { class: `avatar avatar-${size} tint-${tintOf(name)}`, aria: { hidden: true } }, initials);
}

function tintOf(name) {
  return [...name].reduce((sum, character) => (sum * 31 + character.codePointAt(0)) % 9973, 7) % TINTS;
}

/** Who wrote a message: a person of the team, or what an app says of itself. */
export function authorOf(message, store) {
  const person = store.people.get(message.user);
  if (person) return message.bot_id ? { ...person, is_bot: true } : person;
  const name = message.username ?? message.bot_profile?.name ?? (message.bot_id ? "App" : "Someone");
  return { id: message.user ?? message.bot_id, name, real_name: name, is_bot: Boolean(message.bot_id) };
}
