// The one way the page makes elements. Text becomes text nodes: nothing in the page parses HTML.

/** el("button", {class: "quiet", onclick: close, aria: {label: "Close"}}, "×") */
export function el(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "aria" || name === "data") {
      for (const [key, item] of Object.entries(value)) {
        if (item !== undefined && item !== null) node.setAttribute(`${name}-${key}`, String(item));
      }
    } else if (name.startsWith("on")) {
      node.addEventListener(name.slice(2), value);
    } else if (name === "class") {
      node.className = value;
    } else if (name in node && typeof value !== "string") {
      node[name] = value;
    } else {
      node.setAttribute(name, value === true ? "" : String(value));
    }
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** Redraw `root` by `draw` and give the focus back to the control that had it, known by its data-focus. */
export function redraw(root, draw) {
  const focused = root.contains(document.activeElement) ? document.activeElement.dataset.focus : undefined;
  draw();
  if (focused !== undefined) root.querySelector(`[data-focus="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
}
