// Block Kit, as it stands in messages, forms and the bot's home.

import { control } from "./controls.js";
import { el } from "./dom.js";
import { picture } from "./files.js";
import { input } from "./inputs.js";
import { markdown } from "./markdown.js";
import { richText } from "./richtext.js";
import { plain, textObject } from "./text.js";

/**
 * `surface` is where the blocks stand: {store, act(action), pressed(key), press(key, value), controls, initial(block, action)}.
 * Controls register themselves in `surface.controls`, block id → action id → {state(), …}, for a form to read.
 */
export function blocks(list, surface) {
  return (list ?? []).map((block) => {
    const node = (RENDERERS[block.type] ?? unknown)(block, surface);
    if (block.block_id) node.dataset.block = block.block_id;
    return node;
  });
}

const RENDERERS = {
  section, header, divider, context, actions, image, input, table,
  context_actions: contextActions,
  markdown: (block, { store }) => el("div", { class: "prose" }, markdown(block.text, store.names)),
  rich_text: (block, { store }) => el("div", { class: "prose" }, richText(block, store.names)),
  plan: (block) => el("p", { class: "task" }, el("strong", {}, block.title ?? "")),
  task_card: taskCard,
  file: (block) => el("p", { class: "muted" }, `File ${block.external_id ?? ""}`),
};

function section(block, surface) {
  const fields = block.fields?.map((field) => el("div", { class: "prose" }, textObject(field, surface.store.names)));
  return el("div", { class: "block-section" },
    el("div", { class: "block-section-text" },
      block.text && el("div", { class: "prose" }, textObject(block.text, surface.store.names)),
      fields && el("div", { class: "block-fields" }, fields)),
    block.accessory && el("div", { class: "block-accessory" }, element(block.accessory, block, surface)));
}

function header(block) {
  return el("h3", { class: "block-header" }, plain(block.text));
}

function divider() {
  return el("hr", { class: "block-divider" });
}

function context(block, surface) {
  return el("div", { class: "block-context" }, block.elements.map((item) => (
    item.type === "image" ? picture(item, surface.store.api, "context") : el("div", { class: "prose" }, textObject(item, surface.store.names))
  )));
}

function actions(block, surface) {
  return el("div", { class: "block-actions" }, block.elements.map((item) => element(item, block, surface)));
}

function contextActions(block, surface) {
  return el("div", { class: "block-actions block-context-actions" }, block.elements.map((item) => element(item, block, surface)));
}

function image(block, { store }) {
  return el("figure", {}, block.title && el("figcaption", {}, plain(block.title)), picture(block, store.api, "wide"));
}

function table(block, { store }) {
  const align = (column) => `align-${{ center: "centre", right: "right" }[block.column_settings?.[column]?.align] ?? "left"}`;
  const cell = (item, tag, column) => el(tag, { class: align(column) }, item.type === "rich_text" ? richText(item, store.names) : item.text ?? "");
  const [first, ...rest] = block.rows.map((row, index) => (
    el("tr", {}, row.map((item, column) => cell(item, index ? "td" : "th", column)))
  ));
  return el("div", { class: "table-scroll prose", tabindex: "0", role: "group", aria: { label: "Table" } },
    el("table", {}, el("thead", {}, first), el("tbody", {}, rest)));
}

/** A step that the app is taking, or took. */
function taskCard(block) {
  const mark = { complete: "✓", in_progress: "…", error: "!", pending: "·" }[block.status] ?? "·";
  return el("p", { class: "task", data: { status: block.status } }, el("span", { aria: { hidden: true } }, mark), block.title,
    el("small", {}, (block.status ?? "").replace("_", " ")));
}

function element(item, block, surface) {
  if (item.type === "image") return picture(item, surface.store.api, "accessory");
  return control(item, block, surface).node;
}

function unknown(block) {
  return el("p", { class: "muted" }, `(A block of the type “${block.type}”, which this page does not draw.)`);
}
