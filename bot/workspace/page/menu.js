// A button that opens a menu: arrow keys move, Escape closes, the focus comes back to the button.

import { el } from "./dom.js";

/** Items are {label, hint, checked, danger, choose}; `checked` makes it a choice among several. */
export function menu({ label, face, items, focus, className = "quiet" }) {
  const panel = el("div", { class: "menu", role: "menu", hidden: true, aria: { label } });
  const button = el("button", {
    type: "button", class: className, onclick: () => (panel.hidden ? open() : close()),
    aria: { label, haspopup: "menu", expanded: false }, data: { focus },
  }, face);
  const whole = el("div", { class: "menu-holder", onkeydown: keyed, onfocusout: left }, button, panel);

  function open() {
    panel.replaceChildren(...items().map((item) => el("button", {
      type: "button", tabindex: "-1", class: item.danger ? "menu-item danger" : "menu-item",
      role: item.checked === undefined ? "menuitem" : "menuitemradio",
      aria: { checked: item.checked },
      onclick: () => {
        close();
        item.choose();
      },
    }, item.face, el("span", {}, item.label, item.hint && el("small", {}, item.hint)))));
    panel.hidden = false;
    button.setAttribute("aria-expanded", "true");
    (panel.querySelector("[aria-checked=true]") ?? panel.firstElementChild)?.focus();
  }

  function close() {
    panel.hidden = true;
    button.setAttribute("aria-expanded", "false");
    button.focus();
  }

  function keyed(event) {
    if (panel.hidden) return;
    const all = [...panel.children];
    const at = all.indexOf(document.activeElement);
    const next = { ArrowDown: at + 1, ArrowUp: at - 1 + all.length, Home: 0, End: all.length - 1 }[event.key];
    if (next !== undefined) all[next % all.length].focus();
    else if (event.key === "Escape") close();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  function left(event) {
    if (!whole.contains(event.relatedTarget)) {
      panel.hidden = true;
      button.setAttribute("aria-expanded", "false");
    }
  }

  return whole;
}
