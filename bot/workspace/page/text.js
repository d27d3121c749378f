// Block Kit's text objects.

import { el } from "./dom.js";
import { withEmoji } from "./emoji.js";
import { mrkdwn } from "./mrkdwn.js";

export function textObject(text, names) {
  if (!text) return [];
  if (text.type === "mrkdwn") return mrkdwn(text.text, names);
  return text.text.split("\n").flatMap((line, index) => (index ? [el("br"), withEmoji(line)] : [withEmoji(line)]));
}

export function plain(text) {
  return withEmoji(text?.text ?? "");
}
