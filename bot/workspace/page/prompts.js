// Questions the app suggests, where a conversation with it begins.

import { el } from "./dom.js";

export function promptList({ title, prompts }, choose) {
  return el("div", { class: "prompts", role: "group", aria: { label: title || "Suggested questions" } },
    title && el("p", {}, title),
    el("div", { class: "row" }, prompts.map((prompt) => (
      el("button", { type: "button", class: "prompt", onclick: () => choose(prompt.message) }, prompt.title)))));
}
