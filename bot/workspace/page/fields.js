// Elements that are filled in: text, dates, files.

import { el } from "./dom.js";
import { icon } from "./icons.js";
import { readableSize } from "./files.js";
import { attempt, notify } from "./notice.js";
import { plain } from "./text.js";

export function textField(kind) {
  return (element, { act, initial, focus }) => {
    const shared = {
      class: "field", placeholder: plain(element.placeholder), minlength: element.min_length, maxlength: element.max_length, data: { focus },
    };
    const field = element.multiline
      ? el("textarea", { ...shared, rows: "4" })
      : el("input", { ...shared, type: kind, inputmode: kind === "number" ? "decimal" : undefined });
    field.value = initial?.value ?? element.initial_value ?? "";
    field.autofocus = Boolean(element.focus_on_load);
    const triggers = element.dispatch_action_config?.trigger_actions_on ?? ["on_enter_pressed"];
    const state = () => ({ type: element.type, value: field.value === "" ? null : field.value });
    if (!element.multiline && triggers.includes("on_enter_pressed")) {
      field.addEventListener("change", () => element.dispatch && act(state()));
    }
    return { node: field, field, state };
  };
}

export function dateField(kind, key) {
  return (element, { changed, initial, focus }) => {
    const field = el("input", { class: "field", type: kind, onchange: changed, data: { focus }, aria: { label: plain(element.placeholder) || kind } });
    field.value = initial?.[key] ?? element[key.replace("selected", "initial")] ?? "";
    return { node: field, field, state: () => ({ type: element.type, [key]: field.value || null }) };
  };
}

/** Files are stored as they are picked; the form hands in their ids. */
export function fileField(element, { initial, focus, surface }) {
  const most = element.max_files ?? 10;
  const kinds = element.filetypes?.map((kind) => `.${kind}`).join(",");
  let files = [...(initial?.files ?? [])];
  const shown = el("ul", { class: "picked-files" });
  const field = el("input", { type: "file", class: "field", multiple: most > 1, accept: kinds, onchange: pick, data: { focus } });

  function draw() {
    shown.replaceChildren(...files.map((file) => el("li", {}, icon("file"), el("span", {}, file.name ?? file.id),
      file.size && el("small", {}, readableSize(file.size)),
      el("button", { type: "button", class: "quiet", onclick: () => drop(file), aria: { label: `Remove ${file.name ?? file.id}` } }, icon("close")))));
  }

  function drop(file) {
    files = files.filter((kept) => kept !== file);
    draw();
  }

  async function pick() {
    const picked = [...field.files];
    field.value = "";
    if (files.length + picked.length > most) {
      notify(most === 1 ? "One file at a time, please." : `At most ${most} files, please.`);
      return;
    }
    for (const file of picked) {
      const id = await attempt(async () => {
        const stored = await surface.store.api.store(file);
        await surface.store.api.completeUpload([{ id: stored, title: file.name }]);
        return stored;
      });
      if (id) files.push({ id, name: file.name, size: file.size });
    }
    draw();
  }

  draw();
  return {
    node: el("div", { class: "file-field" }, field, shown), field,
    state: () => ({ type: element.type, files: files.map(({ id }) => ({ id })) }),
    kept: () => ({ files }),
  };
}
