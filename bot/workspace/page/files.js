// Files shared in messages, and pictures. Nothing is fetched from outside the workspace.

import { el } from "./dom.js";
import { icon } from "./icons.js";
import { link } from "./links.js";
import { attempt } from "./notice.js";
import { plain } from "./text.js";

const UNITS = ["bytes", "kB", "MB", "GB"];
const PICTURES = new Set(["image/png", "image/jpeg", "image/gif", "image/webp"]);

export function readableSize(bytes) {
  const step = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), UNITS.length - 1);
  return `${step ? (bytes / 1000 ** step).toFixed(1) : bytes} ${UNITS[step]}`;
}

export function fileCard(file, api) {
  if (file.mode === "tombstone") return el("p", { class: "muted" }, "This file was deleted.");
  const label = file.title || file.name;
  const details = [file.filetype?.toUpperCase(), readableSize(file.size ?? 0)].filter(Boolean).join(" · ");
  return el("div", { class: "file-card" },
    PICTURES.has(file.mimetype) ? fetched(file.url_private, label, api, "thumbnail") : icon("file"),
    el("div", { class: "file-words" }, el("strong", {}, label), el("small", {}, details)),
    el("button", { type: "button", class: "quiet", onclick: () => attempt(() => download(file, api)), aria: { label: `Download ${label}` } },
      icon("download")));
}

async function download(file, api) {
  const address = await api.fileAddress(file.url_private);
  el("a", { href: address, download: file.name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

/** An image block or element: shown when the workspace holds the file, else named and linked, never loaded. */
export function picture(image, api, size) {
  const alt = image.alt_text ?? plain(image.title) ?? "";
  const address = image.slack_file?.url ?? image.image_url ?? "";
  if (address.startsWith(`${location.origin}/`)) return fetched(address, alt, api, size);
  return el("span", { class: "picture-outside" }, alt || "Picture", address && [" (", link(address, ["open"]), ")"]);
}

function fetched(privateAddress, alt, api, size) {
  const image = el("img", { class: `picture picture-${size}`, alt });
  attempt(async () => {
    image.src = await api.fileAddress(privateAddress);
    image.addEventListener("load", () => URL.revokeObjectURL(image.src), { once: true });
  });
  return image;
}
