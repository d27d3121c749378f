// The input block: a label, a control, a hint, and the place for what is wrong with it.

import { control } from "./controls.js";
import { el } from "./dom.js";
import { plain } from "./text.js";

export function input(block, surface) {
  const id = crypto.randomUUID();
  const built = control(block.element, block, surface);
  const [label, hint, error] = [`label-${id}`, `hint-${id}`, `error-${id}`];
  const field = built.field ?? built.node;
  field.removeAttribute("aria-label");
  field.setAttribute("aria-labelledby", label);
  field.setAttribute("aria-describedby", `${hint} ${error}`);
  if (!block.optional && field.getAttribute("role") !== "group") field.setAttribute("aria-required", "true");
  const fault = el("p", { id: error, class: "input-error", role: "alert" });
  // A click on the words moves into the field, as a <label> would; a group of boxes has no one field to point at.
  const caption = el("span", { id: label, class: "input-label", onclick: () => (built.focusTarget ?? field).focus() },
    plain(block.label), block.optional && el("small", {}, " (optional)"));
  built.refuse = (sentence) => {
    fault.textContent = sentence;
    field.toggleAttribute("aria-invalid", Boolean(sentence));
    if (sentence) field.setAttribute("aria-invalid", "true");
    return built.focusTarget ?? field;
  };
  return el("div", { class: "input-block" }, caption, built.node,
    el("p", { id: hint, class: "input-hint" }, block.hint ? plain(block.hint) : ""), fault);
}
