// The messages the page holds, by conversation: read from the server page by page, and changed by its events.

const PAGE = 60;

/** A message object is replaced, never changed in place: its identity says whether it must be drawn again. */
export class History {
  #messages = new Map(); // channel → ts → message
  #earlier = new Map(); // channel → cursor of the page before, "" at the beginning
  #changes = 0;
  #changedAt = new Map(); // channel:ts → the number of its change: history asked for before it is stale

  constructor(api) {
    this.api = api;
  }

  /** A conversation's messages, oldest first: roots, and replies that were also sent to the channel. */
  inChannel(id) {
    return this.#sorted(id, (message) => !isReply(message) || message.subtype === "thread_broadcast");
  }

  /** A thread's root and replies, oldest first. */
  inThread(id, root) {
    return this.#sorted(id, (message) => message.ts === root || message.thread_ts === root);
  }

  message(id, ts) {
    return this.#messages.get(id)?.get(ts);
  }

  hasEarlier(id) {
    return Boolean(this.#earlier.get(id));
  }

  #sorted(id, keep) {
    const all = [...(this.#messages.get(id)?.values() ?? [])];
    return all.filter(keep).sort((one, other) => (one.ts < other.ts ? -1 : 1));
  }

  async readChannel(id) {
    const asked = this.#changes;
    const answer = await this.api.slack("conversations.history", { channel: id, limit: PAGE });
    this.#earlier.set(id, answer.response_metadata?.next_cursor ?? "");
    const oldest = answer.messages.at(-1)?.ts ?? "0";
    this.#replace(id, answer.messages, asked, (message) => !isReply(message) && message.ts >= oldest);
  }

  async readEarlier(id) {
    const asked = this.#changes;
    const answer = await this.api.slack("conversations.history", { channel: id, limit: PAGE, cursor: this.#earlier.get(id) });
    this.#earlier.set(id, answer.response_metadata?.next_cursor ?? "");
    this.#replace(id, answer.messages, asked, () => false);
  }

  async readThread(id, root) {
    const asked = this.#changes;
    const replies = [];
    let cursor;
    do {
      const answer = await this.api.slack("conversations.replies", { channel: id, ts: root, limit: 200, cursor });
      replies.push(...answer.messages);
      cursor = answer.response_metadata?.next_cursor;
    } while (cursor);
    this.#replace(id, replies, asked, (message) => message.ts === root || message.thread_ts === root);
  }

  /** What is in scope and held, but no longer at the server, was deleted while the line was broken. */
  #replace(id, messages, asked, inScope) {
    const held = this.#of(id);
    const current = new Set(messages.map((message) => message.ts));
    for (const [ts, message] of held) {
      if (inScope(message) && !message.ephemeral && !current.has(ts) && !this.#changedSince(id, ts, asked)) held.delete(ts);
    }
    for (const message of messages) {
      if (!this.#changedSince(id, message.ts, asked)) held.set(message.ts, message);
    }
  }

  #changedSince(id, ts, asked) {
    return (this.#changedAt.get(`${id}:${ts}`) ?? 0) > asked;
  }

  put(id, message) {
    this.#note(id, message.ts);
    this.#of(id).set(message.ts, message);
  }

  remove(id, ts) {
    this.#note(id, ts);
    this.#of(id).delete(ts);
  }

  #note(id, ts) {
    this.#changes += 1;
    this.#changedAt.set(`${id}:${ts}`, this.#changes);
  }

  #of(id) {
    if (!this.#messages.has(id)) this.#messages.set(id, new Map());
    return this.#messages.get(id);
  }
}

export function isReply(message) {
  return Boolean(message.thread_ts) && message.thread_ts !== message.ts;
}
