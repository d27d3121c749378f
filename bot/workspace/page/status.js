// "Tandem is searching the documents…": what the app says it is doing, until it answers.

import { el } from "./dom.js";
import { withEmoji } from "./emoji.js";
import { avatar } from "./people.js";

const TURN_MS = 2500;
const TURNING = new Set();

setInterval(() => {
  for (const line of TURNING) {
    if (line.node.isConnected) line.turn();
    else TURNING.delete(line);
  }
}, TURN_MS);

/** A status, and in turn the loading messages that came with it. */
export function statusLine(store, { status, loading }) {
  const bot = { ...store.session.bot, is_bot: true };
  const said = loading.length ? loading : [`${bot.real_name} ${status}`];
  let turn = 0;
  const words = el("span", {}, withEmoji(said[0]));
  const node = el("p", { class: "status-line", role: "status" }, avatar(bot, "small"), words,
    el("span", { class: "dots", aria: { hidden: true } }, el("i"), el("i"), el("i")));
  if (said.length > 1) {
    TURNING.add({
      node,
      turn: () => {
        turn += 1;
        words.textContent = withEmoji(said[turn % said.length]);
      },
    });
  }
  return node;
}
