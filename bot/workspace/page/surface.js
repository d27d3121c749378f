// A message as the place its blocks stand in: where a click goes, and which vote is pressed.

import { attempt } from "./notice.js";

export function messageSurface(store, channel, message) {
  // Slack, too, keeps the pressed side of feedback buttons with the reader, not with the message.
  const keyOf = (key) => `tandem.pressed.${store.me.id}.${channel}.${message.ts}.${key}`;
  return {
    store,
    pressed: (key) => localStorage.getItem(keyOf(key)),
    press: (key, value) => (value === null ? localStorage.removeItem(keyOf(key)) : localStorage.setItem(keyOf(key), value)),
    act: (action) => attempt(() => store.api.action({ channel, message_ts: message.ts, action, ephemeral: message.ephemeral })),
  };
}
