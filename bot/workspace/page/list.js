// A list of messages that redraws only what changed and stays at the bottom while the reader is there.

import { typed, untyped } from "./composing.js";
import { confirmed } from "./confirm.js";
import { day } from "./clock.js";
import { el, redraw } from "./dom.js";
import { messageNode } from "./message.js";
import { attempt } from "./notice.js";

const TOGETHER_S = 300;
const NEAR_BOTTOM_PX = 80;

export class MessageList {
  #drawn = new Map(); // key → {message, shape, node}
  #editing = null;
  #channel = null;
  #messages = [];
  #options = {};

  constructor(store, { label, reply = () => undefined }) {
    this.store = store;
    this.reply = reply;
    this.log = el("div", { class: "log", role: "log", aria: { label, live: "polite" } });
    this.node = el("div", { class: "scroller", tabindex: "-1" }, this.log);
  }

  label(label) {
    this.log.setAttribute("aria-label", label);
  }

  /** `after(message)` gives what stands below a message; `newFrom` is the ts after which messages are new. */
  show(channel, messages, options = {}) {
    if (channel !== this.#channel) {
      this.#drawn.clear();
      this.#editing = null;
      this.log.replaceChildren();
    }
    const fresh = channel !== this.#channel || options.fresh;
    [this.#channel, this.#messages, this.#options] = [channel, messages, options];
    const { scrollHeight, scrollTop, clientHeight } = this.node;
    const atBottom = fresh || scrollHeight - scrollTop - clientHeight < NEAR_BOTTOM_PX;
    const oldest = options.earlier ? scrollHeight - scrollTop : null;
    redraw(this.log, () => this.#arrange(this.#wanted()));
    if (atBottom) this.toBottom();
    else if (oldest !== null && options.prepended) this.node.scrollTop = this.node.scrollHeight - oldest;
  }

  toBottom() {
    this.node.scrollTop = this.node.scrollHeight;
  }

  #wanted() {
    const { before, after, newFrom, inThread } = this.#options;
    const wanted = before ? [before] : [];
    let previous = null;
    let marked = newFrom === undefined || newFrom === null;
    for (const message of this.#messages) {
      const today = day(message.ts);
      const newDay = !inThread && (!previous || day(previous.ts) !== today);
      if (newDay) wanted.push(this.#once(`day ${today}`, null, "", () => el("div", { class: "day", role: "separator" }, el("span", {}, today))));
      const isNew = !marked && message.ts > newFrom && message.user !== this.store.me.id;
      if (isNew) {
        marked = true;
        wanted.push(this.#once("new", null, newFrom, () => el("div", { class: "new-mark", role: "separator" }, el("span", {}, "New"))));
      }
      const follows = !newDay && !isNew && previous !== null && together(previous, message);
      const editing = this.#editing === message.ts;
      const shape = `${follows} ${editing}`;
      wanted.push(this.#once(message.ts, message, shape, () => messageNode(message, this.#view(message, { follows, editing, inThread }))));
      const below = after?.(message);
      if (below) wanted.push(below);
      previous = message;
    }
    return wanted;
  }

  #once(key, message, shape, make) {
    const known = this.#drawn.get(key);
    if (known && known.message === message && known.shape === shape) return known.node;
    const node = make();
    this.#drawn.set(key, { message, shape, node });
    return node;
  }

  #arrange(wanted) {
    const keep = new Set(wanted);
    for (const child of [...this.log.children]) if (!keep.has(child)) child.remove();
    wanted.forEach((node, index) => {
      if (this.log.children[index] !== node) this.log.insertBefore(node, this.log.children[index] ?? null);
    });
  }

  #again() {
    this.show(this.#channel, this.#messages, { ...this.#options, fresh: false });
  }

  #view(message, { follows, editing, inThread }) {
    const { store } = this;
    const channel = this.#channel;
    return {
      store, channel, follows, inThread,
      editing: editing ? untyped(message.text, store) : null,
      reply: this.reply,
      edit: (ts) => {
        this.#editing = ts;
        this.#again();
      },
      save: async (changed, text) => {
        const saved = await attempt(() => store.api.slack("chat.update", { channel, ts: changed.ts, text: typed(text, store) }));
        if (saved) {
          this.#editing = null;
          this.#again();
        }
      },
      remove: async (gone) => {
        const sure = await confirmed({ title: "Delete this message?", text: "It will be gone for everyone.", confirm: "Delete", danger: true });
        if (sure) attempt(() => store.api.slack("chat.delete", { channel, ts: gone.ts }));
      },
      dismiss: (gone) => store.remove(channel, gone.ts),
    };
  }
}

function together(previous, message) {
  return previous.user === message.user && previous.bot_id === message.bot_id && !previous.subtype && !message.subtype
    && !previous.ephemeral && !message.ephemeral && !previous.reply_count
    && Number(message.ts) - Number(previous.ts) < TOGETHER_S;
}
