// What each event of the WebSocket does to what the page knows.

import { isReply } from "./history.js";

/** `views` takes the form events; `isOpen(channel)` says whether the reader looks at that conversation now. */
export function handler(store, views, isOpen) {
  const arrived = ({ channel, message }) => {
    store.put(channel, message);
    if (message.user === store.me.id || message.hidden) return;
    if (!isOpen(channel)) store.countUnread(channel);
    else if (!isReply(message)) store.markRead(channel);
  };
  const changed = ({ channel, message }) => store.put(channel, message);
  const ephemeral = ({ channel, message }) => store.put(channel, { ...message, ephemeral: true });
  const handlers = {
    message: arrived,
    message_changed: changed,
    message_deleted: ({ channel, ts }) => store.remove(channel, ts),
    stream_started: (event) => {
      if (event.message.thread_ts) store.putStatus(event.channel, event.message.thread_ts, "");
      arrived(event);
    },
    stream_appended: changed,
    stream_stopped: changed,
    status: ({ channel, thread_ts: thread, status, loading_messages: loading }) => store.putStatus(channel, thread, status, loading),
    suggested_prompts: ({ channel, thread_ts: thread, title, prompts }) => store.putPrompts(channel, thread, title, prompts),
    ephemeral,
    ephemeral_changed: ephemeral,
    ephemeral_deleted: ({ channel, ts }) => store.remove(channel, ts),
    view_opened: ({ view }) => views.push(view),
    view_pushed: ({ view }) => views.push(view),
    view_updated: ({ view }) => views.update(view),
    view_closed: ({ view_id: id }) => views.remove(id),
    home_published: ({ view }) => store.putHome(view),
    member_joined: ({ channel, user }) => {
      const known = store.channels.get(channel);
      if (known && user === store.me.id) store.putChannel({ ...known, is_member: true });
    },
    member_left: ({ channel, user }) => {
      if (user === store.me.id) store.leaveChannel(channel);
    },
    channel: ({ channel }) => store.putChannel(channel),
  };
  return (event) => handlers[event.type]?.(event);
}
