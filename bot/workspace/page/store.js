// What the page knows, as one user: filled from the server, kept true by its events.

import { History } from "./history.js";
import { Unread } from "./unread.js";

/** Dispatches `messages` and `status` (detail: channel), `channels`, `connection` and `home`. */
export class Store extends EventTarget {
  constructor(session, user, api) {
    super();
    this.session = session;
    this.me = user;
    this.api = api;
    this.history = new History(api);
    this.unread = new Unread(user.id);
    this.people = new Map();
    this.channels = new Map();
    this.connected = true;
    this.home = null;
    this.asked = new Set(); // ts of what was posted from this page: an answer to it is worth opening
    this.statuses = new Map(); // channel:thread → {status, loading}
    this.prompts = new Map(); // channel → {thread, title, prompts}
  }

  /** How references are named: see references.js. */
  get names() {
    return {
      me: this.me.id,
      user: (id) => this.people.get(id)?.name,
      channel: (id) => this.channels.get(id)?.name,
    };
  }

  async load() {
    const [people, channels] = await Promise.all([
      this.api.slack("users.list", { limit: 200 }),
      this.api.slack("conversations.list", { types: "public_channel,private_channel,im", limit: 200 }),
    ]);
    for (const person of people.members) this.people.set(person.id, person);
    for (const channel of channels.channels) this.channels.set(channel.id, channel);
    const { channel } = await this.api.slack("conversations.open", { users: this.session.bot.id, return_im: true });
    this.botChannel = channel.id;
    this.channels.set(channel.id, { is_im: true, user: this.session.bot.id, ...this.channels.get(channel.id), ...channel });
    await Promise.all([...this.channels.values()].filter(isJoined).map(({ id }) => this.#countUnread(id)));
    this.#tell("channels");
  }

  async #countUnread(id) {
    const mark = this.unread.mark(id);
    const query = mark ? { channel: id, oldest: mark, limit: 20 } : { channel: id, limit: 1 };
    const { messages } = await this.api.slack("conversations.history", query).catch(() => ({ messages: [] }));
    if (mark) this.unread.set(id, messages.filter((message) => message.user !== this.me.id && message.ts > mark).length);
    else this.unread.read(id, messages[0]?.ts ?? "0");
  }

  titleOf(channel) {
    if (!channel.is_im) return channel.name;
    const person = this.people.get(channel.user);
    return person ? nameOf(person) : "Direct message";
  }

  /** Read a conversation, and the thread that is open in it, from the server. */
  async read(id, thread = null) {
    await Promise.all([this.history.readChannel(id), thread && this.history.readThread(id, thread)]);
    this.#tell("messages", id);
  }

  async readThread(id, thread) {
    await this.history.readThread(id, thread);
    this.#tell("messages", id);
  }

  async readEarlier(id) {
    await this.history.readEarlier(id);
    this.#tell("messages", id);
  }

  put(id, message) {
    this.history.put(id, message);
    this.#tell("messages", id);
  }

  /** What was posted from this page. Its own event, even its answer, may have come first: then what is held is newer. */
  sent(id, message) {
    this.asked.add(message.ts);
    if (!this.history.message(id, message.ts)) this.history.put(id, message);
    this.#tell("messages", id);
  }

  remove(id, ts) {
    this.history.remove(id, ts);
    this.#tell("messages", id);
  }

  putChannel(channel) {
    this.channels.set(channel.id, { ...this.channels.get(channel.id), ...channel });
    this.#tell("channels");
  }

  leaveChannel(id) {
    const channel = this.channels.get(id);
    if (channel?.is_private) this.channels.delete(id);
    else if (channel) this.channels.set(id, { ...channel, is_member: false });
    this.#tell("channels");
  }

  putStatus(id, thread, status, loading = []) {
    if (status) this.statuses.set(`${id}:${thread}`, { status, loading });
    else this.statuses.delete(`${id}:${thread}`);
    this.#tell("status", id);
  }

  statusOf(id, thread) {
    return this.statuses.get(`${id}:${thread}`);
  }

  putPrompts(id, thread, title, prompts) {
    this.prompts.set(id, { thread, title, prompts });
    this.#tell("status", id);
  }

  putHome(view) {
    this.home = view;
    this.#tell("home");
  }

  connection(connected) {
    if (connected === this.connected) return;
    this.connected = connected;
    this.#tell("connection");
  }

  countUnread(id) {
    this.unread.set(id, this.unread.count(id) + 1);
    this.#tell("channels");
  }

  markRead(id) {
    const latest = this.history.inChannel(id).at(-1);
    if (this.unread.read(id, latest?.ts ?? "0")) this.#tell("channels");
  }

  #tell(topic, detail = null) {
    this.dispatchEvent(new CustomEvent(topic, { detail }));
  }
}

export function nameOf(person) {
  return person.profile?.real_name || person.real_name || person.name;
}

export function isJoined(channel) {
  return Boolean(channel.is_im || channel.is_member);
}
