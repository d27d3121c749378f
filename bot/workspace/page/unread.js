// How far each conversation was read by this user in this browser; the workspace keeps no such mark.

export class Unread {
  #counts = new Map();

  constructor(user) {
    this.user = user;
  }

  /** The ts of the last message seen, or null where the conversation was never opened. */
  mark(channel) {
    return localStorage.getItem(this.#key(channel));
  }

  count(channel) {
    return this.#counts.get(channel) ?? 0;
  }

  total() {
    return [...this.#counts.values()].reduce((sum, count) => sum + count, 0);
  }

  set(channel, count) {
    this.#counts.set(channel, count);
  }

  /** Note everything up to `ts` as read; true when there was something unread. */
  read(channel, ts) {
    if ((this.mark(channel) ?? "") < ts) localStorage.setItem(this.#key(channel), ts);
    const hadUnread = this.count(channel) > 0;
    this.#counts.set(channel, 0);
    return hadUnread;
  }

  #key(channel) {
    return `tandem.read.${this.user}.${channel}`;
  }
}
