// What the composer offers while a word is typed: people after @, channels after #, commands after / at the start.

import { el } from "./dom.js";
import { avatar } from "./people.js";
import { nameOf } from "./store.js";

const MOST = 7;

export class Completion {
  #offers = [];
  #at = 0;
  #word = null;

  constructor(store, field, id) {
    this.store = store;
    this.field = field;
    this.node = el("ul", { class: "completion", role: "listbox", id, hidden: true, aria: { label: "Suggestions" } });
    field.setAttribute("aria-autocomplete", "list");
    field.setAttribute("aria-controls", id);
    field.addEventListener("input", () => this.#look());
    field.addEventListener("blur", () => this.#close());
  }

  /** True when the key was meant for the list. */
  key(event) {
    if (this.node.hidden) return false;
    if (event.key === "ArrowDown") this.#move(1);
    else if (event.key === "ArrowUp") this.#move(-1);
    else if (event.key === "Enter" || event.key === "Tab") this.#take(this.#offers[this.#at]);
    else if (event.key === "Escape") this.#close();
    else return false;
    event.preventDefault();
    event.stopPropagation();
    return true;
  }

  #look() {
    const before = this.field.value.slice(0, this.field.selectionStart);
    this.#word = /(?:^|[\s(])([@#][\p{L}\p{N}._-]*)$/u.exec(before)?.[1] ?? /^(\/\S*)$/.exec(before)?.[1] ?? null;
    this.#offers = this.#word ? this.#found(this.#word).slice(0, MOST) : [];
    this.#at = 0;
    this.#draw();
  }

  #found(word) {
    const wanted = word.slice(1).toLowerCase();
    const { store } = this;
    if (word.startsWith("/")) {
      return store.session.commands.filter(({ command }) => command.startsWith(word.toLowerCase())).map((item) => (
        { text: item.command, label: item.command, hint: `${item.usage_hint ?? ""} ${item.description ?? ""}`.trim() }));
    }
    if (word.startsWith("#")) {
      return [...store.channels.values()].filter((channel) => channel.name?.startsWith(wanted)).map((channel) => (
        { text: `#${channel.name}`, label: `#${channel.name}`, hint: channel.purpose?.value ?? "" }));
    }
    const matches = (person) => `${person.name} ${nameOf(person)}`.toLowerCase().split(/\s+/).some((part) => part.startsWith(wanted));
    const people = [...store.people.values()].filter((person) => !person.deleted && matches(person));
    // The bot first: it is whom one mentions here.
    people.sort((one, other) => Number(other.id === store.session.bot.id) - Number(one.id === store.session.bot.id));
    return people.map((person) => ({ text: `@${person.name}`, label: `@${person.name}`, hint: nameOf(person), face: avatar(person, "small") }));
  }

  #draw() {
    this.node.hidden = this.#offers.length === 0;
    this.node.replaceChildren(...this.#offers.map((offer, index) => el("li", {
      id: `${this.node.id}-${index}`, role: "option", aria: { selected: String(index === this.#at) },
      onmousedown: (event) => {
        event.preventDefault();
        this.#take(offer);
      },
    }, offer.face, el("strong", {}, offer.label), el("small", {}, offer.hint))));
    if (this.node.hidden) this.field.removeAttribute("aria-activedescendant");
    else this.field.setAttribute("aria-activedescendant", `${this.node.id}-${this.#at}`);
  }

  #move(step) {
    this.#at = (this.#at + step + this.#offers.length) % this.#offers.length;
    this.#draw();
  }

  #take(offer) {
    const end = this.field.selectionStart;
    this.field.setRangeText(`${offer.text} `, end - this.#word.length, end, "end");
    this.#close();
  }

  #close() {
    this.#offers = [];
    this.#draw();
  }
}
