// The left of the page: who one is, and where one can go.

import { el, redraw } from "./dom.js";
import { icon } from "./icons.js";
import { menu } from "./menu.js";
import { attempt } from "./notice.js";
import { avatar } from "./people.js";
import { address, go, here } from "./place.js";
import { isJoined, nameOf } from "./store.js";

export class Sidebar {
  constructor(store, root) {
    this.store = store;
    this.root = root;
    for (const topic of ["channels", "connection"]) store.addEventListener(topic, () => this.draw());
  }

  draw() {
    redraw(this.root, () => this.root.replaceChildren(
      el("header", { class: "brand" }, icon("tandem"),
        el("div", {}, el("strong", {}, "Tandem"), el("small", {}, this.store.session.team.name))),
      el("div", { class: "conversations" },
        this.#group("Channels", this.#channels()),
        this.#group("Direct messages", this.#directMessages())),
      this.#whoami()));
  }

  #group(title, links) {
    return el("section", { aria: { label: title } }, el("h2", {}, title),
      links.length ? el("ul", {}, links) : el("p", { class: "muted" }, "None yet."));
  }

  #channels() {
    const named = [...this.store.channels.values()].filter((channel) => !channel.is_im && !channel.is_archived);
    named.sort((one, other) => Number(isJoined(other)) - Number(isJoined(one)) || one.name.localeCompare(other.name));
    return named.map((channel) => this.#entry(channel, icon(channel.is_private ? "lock" : "hash"), channel.name,
      `${channel.is_private ? "Private channel" : "Channel"} ${channel.name}`));
  }

  #directMessages() {
    const { store } = this;
    const opened = new Map([...store.channels.values()].filter((channel) => channel.is_im).map((channel) => [channel.user, channel]));
    const others = [...store.people.values()].filter((person) => person.id !== store.me.id && !person.deleted && person.id !== "USLACKBOT");
    others.sort((one, other) => Number(other.id === store.session.bot.id) - Number(one.id === store.session.bot.id));
    return others.map((person) => {
      const channel = opened.get(person.id);
      const face = avatar({ ...person, is_bot: person.id === store.session.bot.id }, "small");
      if (channel) return this.#entry(channel, face, nameOf(person), `Direct message with ${nameOf(person)}`);
      return el("li", {}, el("button", { type: "button", class: "conversation", onclick: () => this.#openWith(person), data: { focus: `dm-${person.id}` } },
        face, el("span", {}, nameOf(person))));
    });
  }

  #entry(channel, face, name, label) {
    const unread = this.store.unread.count(channel.id);
    const current = here().in === channel.id;
    const classes = ["conversation", unread && "unread", !isJoined(channel) && "outside"].filter(Boolean).join(" ");
    return el("li", {}, el("a", {
      class: classes, href: address({ in: channel.id, thread: null }), data: { focus: `in-${channel.id}` },
      aria: { current: current ? "page" : undefined, label: unread ? `${label}, ${unread} unread` : label },
    }, face, el("span", {}, name), unread > 0 && el("span", { class: "count", aria: { hidden: true } }, String(unread))));
  }

  #openWith(person) {
    return attempt(async () => {
      const { channel } = await this.store.api.slack("conversations.open", { users: person.id, return_im: true });
      this.store.putChannel({ is_im: true, user: person.id, ...channel });
      go({ in: channel.id, thread: null });
    });
  }

  #whoami() {
    const { me, session, connected } = this.store;
    const items = () => session.users.map((user) => ({
      label: user.real_name, hint: user.title, face: avatar(user, "small"), checked: String(user.id === me.id), choose: () => go({ as: user.id, thread: null }),
    }));
    const face = [avatar(me), el("span", { class: "whoami-name" }, el("strong", {}, me.real_name),
      el("small", {}, connected ? me.title : "Reconnecting…")), icon("chevron")];
    return el("footer", {}, menu({ label: `You are ${me.real_name}. Switch user`, face, items, focus: "whoami", className: "whoami" }));
  }
}
