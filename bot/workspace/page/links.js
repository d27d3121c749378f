import { el } from "./dom.js";

const ALLOWED = new Set(["http:", "https:", "mailto:"]);

/** A link where the address is one a person may follow, its label as plain text where it is not. */
export function link(address, label = [address]) {
  const safe = safeAddress(address);
  if (safe === null) return el("span", { class: "refused-link", title: "This address is not a web link" }, label);
  return el("a", { href: safe, target: "_blank", rel: "noopener noreferrer", title: safe }, label);
}

/** The address when it is http(s) or mailto, else null: `javascript:`, `data:` and relative paths are refused. */
export function safeAddress(address) {
  try {
    const parsed = new URL(address);
    return ALLOWED.has(parsed.protocol) ? parsed.href : null;
  } catch {
    return null;
  }
}

const BARE = /https?:\/\/[^\s<>"'`|]*[^\s<>"'`|.,;:!?)\]}*_~]/g;

/** Plain text with its bare web addresses made into links. */
export function linkified(text) {
  const nodes = [];
  let from = 0;
  for (const found of text.matchAll(BARE)) {
    if (found.index > from) nodes.push(text.slice(from, found.index));
    nodes.push(link(found[0]));
    from = found.index + found[0].length;
  }
  if (from < text.length) nodes.push(text.slice(from));
  return nodes;
}
