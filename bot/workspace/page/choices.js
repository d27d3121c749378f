// Elements that choose: selects, radio buttons, checkboxes.

import { el } from "./dom.js";
import { plain, textObject } from "./text.js";

/** One of a list, as a native select. */
export function chooseFrom(source) {
  return (element, { changed, initial, focus }) => {
    const { options = [], option_groups: groups = [] } = source(element);
    const all = [...options, ...groups.flatMap((group) => group.options)];
    const chosen = (initial?.selected_option ?? element.initial_option)?.value;
    const drawn = (option) => el("option", { value: option.value, selected: option.value === chosen }, plain(option.text));
    const field = el("select", { class: "field", onchange: changed, aria: { label: plain(element.placeholder) || "Choose" }, data: { focus } },
      el("option", { value: "" }, plain(element.placeholder) || "Choose…"), options.map(drawn),
      groups.map((group) => el("optgroup", { label: plain(group.label) }, group.options.map(drawn))));
    return {
      node: field, field,
      state: () => ({ type: element.type, selected_option: all.find((option) => option.value === field.value) ?? null }),
    };
  };
}

/** One of what the workspace knows: people, conversations. `key` is also the initial value's, as initial_…. */
export function pickOf(key, known) {
  return (element, { changed, initial, focus, surface }) => {
    const chosen = initial?.[key] ?? element[key.replace("selected", "initial")];
    const field = el("select", { class: "field", onchange: changed, aria: { label: plain(element.placeholder) || "Choose" }, data: { focus } },
      el("option", { value: "" }, plain(element.placeholder) || "Choose…"),
      known(surface.store).map(({ value, label }) => el("option", { value, selected: value === chosen }, label)));
    return { node: field, field, state: () => ({ type: element.type, [key]: field.value || null }) };
  };
}

/** Radio buttons or checkboxes; `key` says whether the state holds one option or several. */
export function choices(kind, key) {
  return (element, { block, changed, initial, focus, surface }) => {
    const name = `${block.block_id}-${element.action_id}-${crypto.randomUUID()}`;
    const several = key === "selected_options";
    const before = several
      ? initial?.selected_options ?? element.initial_options ?? []
      : [initial?.selected_option ?? element.initial_option].filter(Boolean);
    const chosen = new Set(before.map((option) => option.value));
    const all = element.options ?? (element.option_groups ?? []).flatMap((group) => group.options);
    const boxes = all.map((option, index) => el("input", {
      type: kind, name, value: option.value, checked: chosen.has(option.value), onchange: changed, data: { focus: `${focus}/${index}` },
    }));
    const rows = all.map((option, index) => el("label", { class: "choice" }, boxes[index], el("span", {},
      textObject(option.text, surface.store.names),
      option.description && el("small", {}, textObject(option.description, surface.store.names)))));
    const node = el("div", { class: "choices", role: kind === "radio" ? "radiogroup" : "group" }, rows);
    const picked = () => all.filter((option, index) => boxes[index].checked);
    return {
      node, field: node, focusTarget: boxes[0],
      state: () => ({ type: element.type, [key]: several ? picked() : picked()[0] ?? null }),
    };
  };
}
