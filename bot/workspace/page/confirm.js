// "Are you sure?", in a dialog that holds the focus.

import { el } from "./dom.js";

/** Resolves to true when the person agrees. */
export function confirmed({ title, text, confirm = "Yes", deny = "Cancel", danger = false }) {
  return new Promise((resolve) => {
    const heading = `confirm-${crypto.randomUUID()}`;
    const dialog = el("dialog", { class: "dialog dialog-small", aria: { labelledby: heading } },
      el("h2", { id: heading }, title),
      el("div", { class: "dialog-body" }, text),
      el("div", { class: "dialog-foot" },
        el("button", { type: "button", class: "button", onclick: () => dialog.close("no") }, deny),
        el("button", { type: "button", class: danger ? "button danger" : "button primary", onclick: () => dialog.close("yes") }, confirm)));
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
