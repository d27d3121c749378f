// One short sentence at the foot of the page, said aloud, gone after a while.

import { Refused } from "./api.js";

const SHOWN_MS = 7000;
let timer;

export function notify(sentence) {
  const place = document.getElementById("notice");
  place.textContent = sentence;
  place.hidden = false;
  clearTimeout(timer);
  timer = setTimeout(() => {
    place.hidden = true;
  }, SHOWN_MS);
}

/** Run what a person asked for, and say so when the workspace refuses it. */
export async function attempt(action) {
  try {
    return await action();
  } catch (refusal) {
    notify(refusal instanceof Refused ? refusal.message : "Something in this page went wrong. Reload it and try again.");
    if (!(refusal instanceof Refused)) throw refusal;
    return null;
  }
}
