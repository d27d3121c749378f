// The right of the page: one thread; and the line below a message that leads to it.

import { time } from "./clock.js";
import { Composer } from "./composer.js";
import { el } from "./dom.js";
import { acceptFiles } from "./drop.js";
import { icon } from "./icons.js";
import { MessageList } from "./list.js";
import { attempt } from "./notice.js";
import { avatar } from "./people.js";
import { go, here } from "./place.js";
import { statusLine } from "./status.js";

export class ThreadPane {
  constructor(store, root) {
    this.store = store;
    this.root = root;
    this.list = new MessageList(store, { label: "Thread" });
    this.composer = new Composer(store, { place: () => ({ channel: this.id, thread: this.thread }), posted: () => this.list.toBottom() });
    this.composer.label("Reply in thread", "Reply…");
    this.below = el("div", { class: "below-list" });
    this.where = el("p", { class: "purpose" });
    root.replaceChildren(
      el("header", { class: "pane-head" },
        el("button", { type: "button", class: "quiet back", onclick: close, aria: { label: "Back to the conversation" } }, icon("back")),
        el("h2", {}, "Thread"), this.where,
        el("button", { type: "button", class: "quiet close", onclick: close, aria: { label: "Close thread" } }, icon("close"))),
      this.list.node, this.below, el("div", { class: "pane-foot" }, this.composer.node));
    acceptFiles(root, (files) => this.composer.add(files));
    root.addEventListener("keydown", (event) => event.key === "Escape" && !event.defaultPrevented && close());
    for (const topic of ["messages", "status"]) {
      store.addEventListener(topic, ({ detail }) => detail === this.id && this.thread && this.#draw());
    }
  }

  async open(id, thread) {
    [this.id, this.thread] = [id, thread];
    const channel = this.store.channels.get(id);
    this.where.textContent = channel ? `${channel.is_im ? "" : "#"}${this.store.titleOf(channel)}` : "";
    this.#draw({ fresh: true });
    await attempt(() => this.store.readThread(id, thread));
  }

  close() {
    [this.id, this.thread] = [null, null];
  }

  #draw({ fresh = false } = {}) {
    const { store, id, thread } = this;
    this.list.show(id, store.history.inThread(id, thread), {
      inThread: true, fresh, after: (message) => message.ts === thread && repliesMark(message.reply_count ?? 0),
    });
    const status = store.statusOf(id, thread);
    this.below.replaceChildren(...(status ? [statusLine(store, status)] : []));
  }
}

function repliesMark(replies) {
  return replies > 0 && el("div", { class: "replies-mark" }, el("span", {}, replies === 1 ? "1 reply" : `${replies} replies`));
}

function close() {
  go({ thread: null });
}

/** What stands below a message that has replies, or whose answer is on its way. */
export function threadLine(message, store, channel) {
  const status = store.statusOf(channel, message.ts);
  const replies = message.reply_count ?? 0;
  if (!replies && !status) return null;
  const open = here().thread === message.ts;
  const faces = (message.reply_users ?? []).slice(0, 3).map((id) => avatar(personOf(id, store), "small"));
  return el("div", { class: "thread-line" },
    replies > 0 && el("button", {
      type: "button", class: "thread-button", onclick: () => go({ thread: message.ts }), aria: { expanded: String(open) }, data: { focus: `thread/${message.ts}` },
    }, faces, el("strong", {}, replies === 1 ? "1 reply" : `${replies} replies`),
    message.latest_reply && el("small", {}, `last at ${time(message.latest_reply)}`)),
    status && statusLine(store, status));
}

function personOf(id, store) {
  const { bot } = store.session;
  return id === bot.id ? { ...bot, is_bot: true } : store.people.get(id);
}
