// Elements that are pressed: buttons, feedback buttons, icon buttons, overflow menus.

import { confirmed } from "./confirm.js";
import { el } from "./dom.js";
import { icon } from "./icons.js";
import { safeAddress } from "./links.js";
import { menu } from "./menu.js";
import { plain, textObject } from "./text.js";

// The usual two are drawn, since not every machine has a font with them.
const THUMBS = { "👍": "thumbUp", ":+1:": "thumbUp", ":thumbsup:": "thumbUp", "👎": "thumbDown", ":-1:": "thumbDown", ":thumbsdown:": "thumbDown" };

export function buttonControl(element, { act, surface, focus }) {
  const press = async () => {
    if (await agreed(element.confirm, surface)) act({ text: element.text, value: element.value });
  };
  const shared = {
    class: `button ${element.style ?? ""}`, onclick: press, data: { focus }, aria: { label: element.accessibility_label },
  };
  const address = element.url ? safeAddress(element.url) : null;
  const node = address
    ? el("a", { ...shared, href: address, target: "_blank", rel: "noopener noreferrer" }, plain(element.text))
    : el("button", { ...shared, type: "button" }, plain(element.text));
  return { node };
}

/** Two buttons of which at most one is pressed; pressing it again takes the vote back. */
export function feedbackControl(element, { act, surface, focus }) {
  const sides = [element.positive_button, element.negative_button].map((side) => {
    const press = () => {
      surface.press(focus, surface.pressed(focus) === side.value ? null : side.value);
      draw();
      act({ value: side.value, text: side.text });
    };
    const button = el("button", {
      type: "button", class: "vote", onclick: press, title: side.accessibility_label,
      aria: { label: side.accessibility_label ?? plain(side.text) }, data: { focus: `${focus}/${side.value}` },
    }, THUMBS[side.text.text] ? icon(THUMBS[side.text.text]) : plain(side.text));
    return { button, value: side.value };
  });
  const draw = () => {
    for (const { button, value } of sides) button.setAttribute("aria-pressed", String(surface.pressed(focus) === value));
  };
  draw();
  return { node: el("div", { class: "votes", role: "group", aria: { label: "Was this answer right?" } }, sides.map(({ button }) => button)) };
}

export function iconControl(element, { act, surface, focus }) {
  const label = element.accessibility_label ?? plain(element.text);
  const allowed = element.visible_to_user_ids;
  if (allowed && !allowed.includes(surface.store.me.id)) return { node: el("span") };
  const press = async () => {
    if (await agreed(element.confirm, surface)) act({ value: element.value, text: element.text });
  };
  return {
    node: el("button", { type: "button", class: "quiet", onclick: press, title: label, aria: { label }, data: { focus } }, icon(element.icon)),
  };
}

export function overflowControl(element, { act, surface, focus }) {
  const choose = async (option) => {
    const address = option.url ? safeAddress(option.url) : null;
    if (!await agreed(element.confirm, surface)) return;
    if (address) window.open(address, "_blank", "noopener,noreferrer");
    act({ selected_option: option });
  };
  const items = () => element.options.map((option) => ({
    label: plain(option.text), hint: option.description && plain(option.description), choose: () => choose(option),
  }));
  return { node: menu({ label: "More options", face: icon("more"), items, focus, className: "button button-square" }) };
}

/** True where nothing is to be confirmed, or the person agreed. */
async function agreed(question, surface) {
  if (!question) return true;
  return confirmed({
    title: plain(question.title), text: textObject(question.text, surface.store.names),
    confirm: plain(question.confirm), deny: plain(question.deny), danger: question.style === "danger",
  });
}
