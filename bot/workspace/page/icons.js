// Line drawings of the page, as path data: no icon font, no request.

const NAMESPACE = "http://www.w3.org/2000/svg";
const PATHS = {
  back: "M15 5l-7 7 7 7",
  close: "M6 6l12 12M18 6L6 18",
  clip: "M20 11.5l-8.2 8.2a5 5 0 0 1-7-7L13 4.4a3.3 3.3 0 0 1 4.7 4.7l-8.2 8.1a1.7 1.7 0 0 1-2.3-2.3l7.3-7.4",
  download: "M12 4v11m-5-4l5 5 5-5M5 20h14",
  file: "M7 3h7l5 5v13H7zM14 3v5h5",
  hash: "M9.5 4l-2 16M16.5 4l-2 16M4.5 9h16M3.5 15h16",
  lock: "M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3",
  more: "M6 12h.01M12 12h.01M18 12h.01",
  pencil: "M4 20l1-4L16.5 4.5l3 3L8 19zM14 7l3 3",
  reply: "M4 6h16v11h-9l-4 3.5V17H4z",
  send: "M4 12l16-8-6 16-3-6.5z",
  shield: "M12 3l7 3v6c0 4.5-3 7.5-7 9-4-1.5-7-4.5-7-9V6z",
  tandem: "M6.5 10a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9zM17.5 10a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9zM6.5 14.5L9.5 6h2M9 8l8.5 6.5L16 6h2.5",
  thumbUp: "M7 11v9H4v-9zM7 12l4-8c1.6 0 2.5 1 2.5 2.5V10H19a1.6 1.6 0 0 1 1.6 1.9l-1.2 6.5A2 2 0 0 1 17.4 20H7",
  thumbDown: "M17 13V4h3v9zM17 12l-4 8c-1.6 0-2.5-1-2.5-2.5V14H5a1.6 1.6 0 0 1-1.6-1.9l1.2-6.5A2 2 0 0 1 6.6 4H17",
  trash: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
  chevron: "M6 9l6 6 6-6",
};

/** A drawing hidden from assistive technology: the control it stands in carries the label. */
export function icon(name) {
  const svg = document.createElementNS(NAMESPACE, "svg");
  const path = document.createElementNS(NAMESPACE, "path");
  svg.setAttribute("class", "icon");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", PATHS[name] ?? PATHS.file);
  svg.append(path);
  return svg;
}
