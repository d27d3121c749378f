// One message: who, when, what, and what can be done with it.

import { blocks } from "./blocks.js";
import { fullTime, time } from "./clock.js";
import { el } from "./dom.js";
import { glyph } from "./emoji.js";
import { fileCard } from "./files.js";
import { isReply } from "./history.js";
import { icon } from "./icons.js";
import { menu } from "./menu.js";
import { mrkdwn } from "./mrkdwn.js";
import { attempt } from "./notice.js";
import { authorOf, avatar } from "./people.js";
import { nameOf } from "./store.js";
import { messageSurface } from "./surface.js";

const NOTES = new Set(["channel_join", "channel_leave", "channel_topic", "channel_purpose", "channel_name", "channel_archive"]);

/** `view` says how it stands: {store, channel, follows, inThread, editing, reply(ts), edit(ts), remove(message), save(message, text)}. */
export function messageNode(message, view) {
  const author = authorOf(message, view.store);
  if (NOTES.has(message.subtype)) return note(message, view);
  const streaming = message.streaming_state === "in_progress";
  const classes = ["message", author.is_bot && "message-bot", view.follows && "message-follows", message.ephemeral && "message-ephemeral",
    streaming && "streaming", view.editing && "message-editing"];
  return el("article", {
    class: classes.filter(Boolean).join(" "), data: { ts: message.ts },
    aria: { label: `${nameOf(author)}, ${time(message.ts)}`, busy: streaming ? "true" : undefined },
  },
  view.follows ? el("span", { class: "message-gutter" }, moment(message)) : avatar(author),
  el("div", { class: "message-content" },
    !view.follows && el("div", { class: "message-head" },
      el("strong", { class: "message-author" }, nameOf(author)), author.is_bot && el("span", { class: "badge" }, "bot"), moment(message)),
    message.ephemeral && el("p", { class: "only-you" }, icon("shield"), "Only visible to you"),
    message.subtype === "thread_broadcast" && !view.inThread && el("p", { class: "only-you" }, icon("reply"), "Also sent from a thread"),
    view.editing ? editor(message, view) : body(message, view),
    reactions(message, view)),
  !view.editing && !streaming && tools(message, view));
}

function note(message, { store }) {
  return el("p", { class: "message-note", data: { ts: message.ts } }, mrkdwn(message.text, store.names));
}

function moment(message) {
  return el("time", { class: "message-time", title: fullTime(message.ts) }, time(message.ts));
}

function body(message, { store, channel }) {
  if (message.subtype === "tombstone") return el("p", { class: "muted" }, "This message was deleted.");
  return el("div", { class: "message-body" }, words(message, store, channel),
    (message.attachments ?? []).map((attachment) => attached(attachment, message, store, channel)),
    (message.files ?? []).map((file) => fileCard(file, store.api)),
    message.edited && el("small", { class: "edited" }, "(edited)"));
}

function words(message, store, channel) {
  try {
    if (message.blocks?.length) return blocks(message.blocks, messageSurface(store, channel, message));
    return message.text && [el("div", { class: "prose" }, mrkdwn(message.text, store.names))];
  } catch (fault) {
    // One message that cannot be drawn must not take the conversation with it.
    console.warn("A message could not be drawn", message.ts, fault);
    return [el("p", { class: "plain" }, message.text)];
  }
}

function attached(attachment, message, store, channel) {
  const inside = attachment.blocks
    ? blocks(attachment.blocks, messageSurface(store, channel, message))
    : el("div", { class: "prose" }, mrkdwn(attachment.text ?? attachment.fallback ?? "", store.names));
  return el("div", { class: "attachment" }, inside);
}

function editor(message, view) {
  const field = el("textarea", {
    class: "field", rows: "3", aria: { label: "Edit your message" }, data: { focus: `edit/${message.ts}` },
    onkeydown: (event) => {
      if (event.key === "Escape") view.edit(null);
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        view.save(message, field.value);
      }
    },
  });
  field.value = view.editing;
  queueMicrotask(() => field.focus());
  return el("div", { class: "message-editor" }, field,
    el("div", { class: "row" },
      el("button", { type: "button", class: "button", onclick: () => view.edit(null) }, "Cancel"),
      el("button", { type: "button", class: "button primary", onclick: () => view.save(message, field.value) }, "Save")));
}

function reactions(message, { store, channel }) {
  if (!message.reactions?.length) return null;
  return el("div", { class: "reactions" }, message.reactions.map(({ name, users, count }) => {
    const mine = users.includes(store.me.id);
    const toggle = () => attempt(() => store.api.slack(mine ? "reactions.remove" : "reactions.add", { channel, timestamp: message.ts, name }));
    return el("button", {
      type: "button", class: "reaction", onclick: toggle, aria: { pressed: mine, label: `${name}, ${count}` }, data: { focus: `${message.ts}/${name}` },
    }, glyph(name) ?? `:${name}:`, " ", String(count));
  }));
}

function tools(message, view) {
  const mine = message.user === view.store.me.id && !message.bot_id && !message.ephemeral;
  const tool = (label, drawing, press) => el("button", {
    type: "button", class: "quiet", onclick: press, title: label, aria: { label }, data: { focus: `${message.ts}/${label}` },
  }, icon(drawing));
  const offered = [
    !view.inThread && !message.ephemeral && !isReply(message) && tool("Reply in thread", "reply", () => view.reply(message.ts)),
    mine && tool("Edit message", "pencil", () => view.edit(message.ts)),
    mine && tool("Delete message", "trash", () => view.remove(message)),
    message.ephemeral && tool("Dismiss", "close", () => view.dismiss(message)),
    !message.ephemeral && shortcuts(message, view),
  ].filter(Boolean);
  return offered.length ? el("div", { class: "message-tools" }, offered) : null;
}

/** What the app offers for every message, as in Slack's menu of a message. */
function shortcuts(message, { store, channel }) {
  const offered = store.session.shortcuts ?? [];
  if (!offered.length || message.subtype === "tombstone") return null;
  const items = () => offered.map((shortcut) => ({
    label: shortcut.name, hint: shortcut.description,
    choose: () => attempt(() => store.api.shortcut(channel, message.ts, shortcut.callback_id)),
  }));
  return menu({ label: "More actions", face: icon("more"), items, focus: `${message.ts}/More actions` });
}
