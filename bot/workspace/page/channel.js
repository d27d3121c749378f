// The middle of the page: one conversation.

import { blocks } from "./blocks.js";
import { Composer } from "./composer.js";
import { el } from "./dom.js";
import { acceptFiles } from "./drop.js";
import { icon } from "./icons.js";
import { MessageList } from "./list.js";
import { attempt } from "./notice.js";
import { avatar } from "./people.js";
import { go, here } from "./place.js";
import { promptList } from "./prompts.js";
import { statusLine } from "./status.js";
import { isJoined } from "./store.js";
import { threadLine } from "./thread.js";

export class ChannelPane {
  #newFrom = null;
  #tab = "messages";

  constructor(store, root) {
    this.store = store;
    this.root = root;
    this.head = el("header", { class: "pane-head" });
    this.list = new MessageList(store, { label: "Messages", reply: (ts) => go({ thread: ts }) });
    this.composer = new Composer(store, { place: () => ({ channel: this.id, thread: null }), posted: () => this.list.toBottom() });
    this.foot = el("div", { class: "pane-foot" });
    this.below = el("div", { class: "below-list" });
    root.replaceChildren(this.head, this.list.node, this.below, this.foot);
    acceptFiles(root, (files) => this.composer.add(files));
    store.addEventListener("messages", ({ detail }) => detail === this.id && this.#drawMessages());
    store.addEventListener("status", ({ detail }) => detail === this.id && this.#drawMessages());
    store.addEventListener("channels", () => this.id && this.#drawFrame());
    store.addEventListener("home", () => this.id && this.#drawFrame());
  }

  async open(id) {
    this.id = id;
    this.#tab = "messages";
    this.#newFrom = this.store.unread.count(id) ? this.store.unread.mark(id) : null;
    this.#drawFrame();
    this.#drawMessages();
    if (id === this.store.botChannel) attempt(() => this.store.api.home({ tab: "messages", channel: id }));
    await attempt(() => this.store.read(id));
    this.store.markRead(id);
  }

  get #channel() {
    return this.store.channels.get(this.id);
  }

  #drawFrame() {
    const channel = this.#channel;
    if (!channel) {
      this.#drawNowhere();
      return;
    }
    const title = this.store.titleOf(channel);
    const called = channel.is_im ? title : `#${title}`;
    this.list.label(`Messages in ${called}`);
    this.composer.label(`Message ${called}`, this.id === this.store.botChannel ? `Ask ${title} anything` : `Message ${called}`);
    this.head.replaceChildren(...[
      el("button", { type: "button", class: "quiet back", onclick: () => go({ in: null, thread: null }), aria: { label: "Back to conversations" } }, icon("back")),
      channel.is_im ? avatar(this.store.people.get(channel.user), "small") : icon(channel.is_private ? "lock" : "hash"),
      el("h1", {}, title),
      el("p", { class: "purpose" }, purposeOf(channel)),
      this.#tabs()].filter(Boolean));
    this.foot.replaceChildren(isJoined(channel) ? this.composer.node : this.#joinBar(channel));
    this.#drawTab();
  }

  #drawNowhere() {
    this.head.replaceChildren();
    this.foot.replaceChildren();
    this.below.replaceChildren();
    this.list.show(null, [], { before: el("div", { class: "empty" }, icon("tandem"), el("p", {}, "This conversation is not open to you. Choose another one.")) });
  }

  #tabs() {
    if (this.id !== this.store.botChannel || !this.store.home?.blocks?.length) return null;
    const tab = (name, label) => el("button", {
      type: "button", role: "tab", class: "tab", aria: { selected: String(this.#tab === name) }, data: { focus: `tab-${name}` },
      onclick: () => {
        this.#tab = name;
        this.#drawFrame();
      },
    }, label);
    return el("div", { class: "tabs", role: "tablist" }, tab("messages", "Messages"), tab("home", "Home"));
  }

  #drawTab() {
    this.homeNode?.remove();
    const atHome = this.#tab === "home";
    for (const part of [this.list.node, this.below, this.foot]) part.hidden = atHome;
    if (!atHome) return;
    const { home } = this.store;
    const act = (action) => attempt(() => this.store.api.action({ view_id: home.id, action, state: { values: {} } }));
    this.homeNode = el("div", { class: "home scroller" },
      blocks(home.blocks, { store: this.store, act, pressed: () => null, press: () => undefined }));
    this.root.append(this.homeNode);
  }

  #joinBar(channel) {
    const join = () => attempt(async () => {
      await this.store.api.slack("conversations.join", { channel: channel.id });
      this.store.putChannel({ ...channel, is_member: true });
    });
    return el("div", { class: "join-bar" }, el("span", {}, `You are reading #${channel.name} without being in it.`),
      el("button", { type: "button", class: "button primary", onclick: join }, `Join #${channel.name}`));
  }

  #drawMessages() {
    const { store, id } = this;
    const messages = store.history.inChannel(id);
    this.list.show(id, messages, {
      newFrom: this.#newFrom,
      before: this.#beginning(messages),
      after: (message) => threadLine(message, store, id),
    });
    this.#drawBelow(messages);
    this.#openFreshAnswer(messages);
  }

  #beginning(messages) {
    const { store, id } = this;
    if (store.history.hasEarlier(id)) {
      return el("button", { type: "button", class: "button earlier", onclick: () => attempt(() => store.readEarlier(id)) }, "Show earlier messages");
    }
    const channel = this.#channel;
    if (messages.length || !channel) return null;
    const said = channel.is_im
      ? `This is the beginning of your conversation with ${store.titleOf(channel)}. Only the two of you see it.`
      : `Nothing has been said in #${channel.name} yet. Mention @${store.session.bot.name} to ask a question.`;
    return el("div", { class: "empty" }, icon(channel.is_im ? "tandem" : "hash"), el("p", {}, said));
  }

  #drawBelow(messages) {
    const { store, id } = this;
    const status = store.statusOf(id, null) ?? store.statusOf(id, "");
    const offered = store.prompts.get(id);
    const prompts = offered && !messages.some((message) => message.ts > (offered.thread ?? "0"))
      && promptList(offered, (text) => this.composer.send(text));
    this.below.replaceChildren(...[status && statusLine(store, status), prompts].filter(Boolean));
  }

  /** An answer to what was asked from this page is opened beside it, where there is room and nothing else is open. */
  #openFreshAnswer(messages) {
    if (here().thread || !window.matchMedia("(min-width: 1000px)").matches) return;
    const answered = messages.find(({ ts, reply_count: replies }) => this.store.asked.has(ts) && (replies || this.store.statusOf(this.id, ts)));
    if (!answered) return;
    this.store.asked.delete(answered.ts);
    go({ thread: answered.ts });
  }
}

function purposeOf(channel) {
  if (channel.is_im) return "Direct message";
  return channel.purpose?.value || channel.topic?.value || (channel.is_private ? "Only its members see this channel." : "");
}
