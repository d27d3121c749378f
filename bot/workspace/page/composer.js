// Where messages are written: text, mentions, slash commands, files.

import { Completion } from "./completion.js";
import { typed } from "./composing.js";
import { el } from "./dom.js";
import { readableSize } from "./files.js";
import { icon } from "./icons.js";
import { attempt, notify } from "./notice.js";

let count = 0;

/** `place()` gives {channel, thread}; `posted(message)` hears of what was sent, without a message for a command. */
export class Composer {
  #files = [];
  #sending = false;

  constructor(store, { place, posted = () => undefined }) {
    this.store = store;
    this.place = place;
    this.posted = posted;
    count += 1;
    this.field = el("textarea", {
      class: "composer-field", rows: "1", data: { focus: `composer-${count}` },
      onkeydown: (event) => this.#keyed(event), oninput: () => this.#grow(), onpaste: (event) => this.#pasted(event),
    });
    this.completion = new Completion(store, this.field, `completion-${count}`);
    const picker = el("input", {
      type: "file", multiple: true, hidden: true,
      onchange: () => {
        this.add([...picker.files]);
        picker.value = "";
      },
    });
    this.chips = el("ul", { class: "picked-files", hidden: true, aria: { label: "Files to send" } });
    this.sendButton = el("button", { type: "submit", class: "send", aria: { label: "Send" } }, icon("send"));
    this.node = el("form", { class: "composer", onsubmit: (event) => this.#submitted(event) },
      this.completion.node, this.chips,
      el("div", { class: "composer-row" },
        el("button", { type: "button", class: "quiet", onclick: () => picker.click(), aria: { label: "Attach files" }, title: "Attach files" }, icon("clip")),
        picker, this.field, this.sendButton));
  }

  label(label, placeholder = label) {
    this.field.setAttribute("aria-label", label);
    this.field.placeholder = placeholder;
  }

  add(files) {
    this.#files.push(...files);
    this.#drawChips();
    this.field.focus();
  }

  async send(text) {
    const { channel, thread } = this.place();
    const sent = await attempt(() => this.#deliver(text, channel, thread));
    return sent !== null;
  }

  async #deliver(text, channel, thread) {
    const command = /^(\/\S+)\s*([\s\S]*)$/.exec(text);
    if (command && thread) {
      notify("Commands work in the conversation itself, not in a thread.");
      return null;
    }
    if (command) {
      const done = await this.store.api.command(channel, command[1], typed(command[2], this.store));
      this.posted();
      return done;
    }
    if (this.#files.length) return this.#upload(text, channel, thread);
    const answer = await this.store.api.slack("chat.postMessage", { channel, text: typed(text, this.store), thread_ts: thread ?? undefined });
    this.store.sent(channel, answer.message);
    this.posted(answer.message);
    return answer;
  }

  async #upload(text, channel, thread) {
    const files = [];
    for (const file of this.#files) files.push({ id: await this.store.api.store(file), title: file.name });
    const answer = await this.store.api.completeUpload(files, {
      channel_id: channel, thread_ts: thread ?? undefined, initial_comment: typed(text, this.store) || undefined,
    });
    this.#files = [];
    this.#drawChips();
    return answer;
  }

  async #submitted(event) {
    event.preventDefault();
    const text = this.field.value.trim();
    if (this.#sending || (!text && !this.#files.length)) return;
    this.#sending = true;
    this.sendButton.disabled = true;
    const sent = await this.send(text).finally(() => {
      this.#sending = false;
      this.sendButton.disabled = false;
    });
    if (!sent) return;
    this.field.value = "";
    this.#grow();
    this.field.focus();
  }

  #keyed(event) {
    if (this.completion.key(event)) return;
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      this.node.requestSubmit();
    }
  }

  #pasted(event) {
    const files = [...event.clipboardData.files];
    if (!files.length) return;
    event.preventDefault();
    this.add(files);
  }

  #grow() {
    this.field.style.height = "auto";
    this.field.style.height = `${Math.min(this.field.scrollHeight, 220)}px`;
  }

  #drawChips() {
    this.chips.hidden = this.#files.length === 0;
    this.chips.replaceChildren(...this.#files.map((file) => el("li", {}, icon("file"), el("span", {}, file.name),
      el("small", {}, readableSize(file.size)),
      el("button", {
        type: "button", class: "quiet", aria: { label: `Remove ${file.name}` },
        onclick: () => {
          this.#files = this.#files.filter((kept) => kept !== file);
          this.#drawChips();
        },
      }, icon("close")))));
  }
}
