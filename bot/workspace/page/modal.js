// Forms that the app opens, one above another. The topmost is shown; the state beneath is kept.

import { blocks } from "./blocks.js";
import { el } from "./dom.js";
import { icon } from "./icons.js";
import { attempt } from "./notice.js";
import { plain } from "./text.js";

export class Views {
  #stack = []; // {view, kept: block id → action id → state}
  #dialog = null;
  #controls = {};

  constructor(store) {
    this.store = store;
  }

  /** The same view may be told of twice, by an event and as an answer. */
  push(view) {
    if (this.#stack.some((held) => held.view.id === view.id)) {
      this.update(view);
      return;
    }
    this.#keep();
    this.#stack.push({ view, kept: {} });
    this.#show();
  }

  update(view) {
    const entry = this.#stack.find((held) => held.view.id === view.id);
    if (!entry) return;
    this.#keep();
    entry.view = view;
    this.#show();
  }

  remove(id) {
    this.#keep();
    this.#stack = this.#stack.filter((held) => held.view.id !== id);
    this.#show();
  }

  clear() {
    this.#stack = [];
    this.#show();
  }

  get #top() {
    return this.#stack.at(-1);
  }

  /** Note what was typed, so that an update or a form above does not lose it. */
  #keep() {
    if (!this.#top || !this.#dialog) return;
    for (const [block, actions] of Object.entries(this.#controls)) {
      for (const [action, built] of Object.entries(actions)) {
        this.#top.kept[`${block}/${action}`] = built.kept?.() ?? built.state();
      }
    }
  }

  #show() {
    const focused = this.#dialog?.contains(document.activeElement) ? document.activeElement.dataset.focus : undefined;
    const before = this.#dialog;
    this.#dialog = null;
    this.#controls = {};
    if (this.#top) this.#open();
    if (focused) this.#dialog?.querySelector(`[data-focus="${CSS.escape(focused)}"]`)?.focus();
    before?.close();
    before?.remove();
  }

  #open() {
    const { view, kept } = this.#top;
    const heading = `view-${view.id}`;
    const fault = el("p", { class: "form-error", role: "alert" });
    const surface = {
      store: this.store,
      controls: this.#controls,
      initial: (block, action) => kept[`${block}/${action}`] ?? view.state?.values?.[block]?.[action],
      act: (action) => attempt(() => this.store.api.action({ view_id: view.id, action, state: this.#state() })),
      pressed: () => null,
      press: () => undefined,
    };
    const submit = view.submit && el("button", { type: "submit", class: "button primary" }, plain(view.submit));
    const form = el("form", { novalidate: true, onsubmit: (event) => this.#submitted(event, view, submit, fault) },
      el("div", { class: "dialog-head" },
        el("h2", { id: heading }, plain(view.title)),
        el("button", { type: "button", class: "quiet", onclick: () => this.#cancel(view), aria: { label: "Close form" } }, icon("close"))),
      el("div", { class: "dialog-body" }, blocks(view.blocks, surface), fault),
      el("div", { class: "dialog-foot" },
        el("button", { type: "button", class: "button", onclick: () => this.#cancel(view) }, plain(view.close) || "Cancel"), submit));
    this.#dialog = el("dialog", { class: "dialog", aria: { labelledby: heading } }, form);
    this.#dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      this.#cancel(view);
    });
    document.body.append(this.#dialog);
    this.#dialog.showModal();
    const first = Object.values(this.#controls).flatMap((actions) => Object.values(actions))[0];
    (first?.focusTarget ?? first?.field)?.focus();
  }

  #state() {
    const values = {};
    for (const [block, actions] of Object.entries(this.#controls)) {
      values[block] = Object.fromEntries(Object.entries(actions).map(([action, built]) => [action, built.state()]));
    }
    return { values };
  }

  async #submitted(event, view, submit, fault) {
    event.preventDefault();
    submit.disabled = true;
    this.#refuse({});
    fault.textContent = "";
    try {
      const answer = await this.store.api.view({ view_id: view.id, type: "submit", state: this.#state() });
      this.#obey(answer, view);
    } catch (refusal) {
      fault.textContent = refusal.message;
    } finally {
      submit.disabled = false;
    }
  }

  #obey(answer, view) {
    if (answer.response_action === "errors") this.#refuse(answer.errors);
    else if (answer.response_action === "update") this.update({ ...answer.view, id: answer.view.id ?? view.id });
    else if (answer.response_action === "push") this.push(answer.view);
    else if (answer.response_action === "clear") this.clear();
    else this.remove(view.id);
  }

  #refuse(errors) {
    let first = null;
    for (const [block, actions] of Object.entries(this.#controls)) {
      for (const built of Object.values(actions)) {
        const field = built.refuse?.(errors[block] ?? "");
        if (errors[block]) first ??= field;
      }
    }
    first?.focus();
  }

  #cancel(view) {
    this.remove(view.id);
    attempt(() => this.store.api.view({ view_id: view.id, type: "close", is_cleared: false }));
  }
}
