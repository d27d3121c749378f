// The page's own start: who is here, where, and which part shows it.

import { Api } from "./api.js";
import { ChannelPane } from "./channel.js";
import { handler } from "./events.js";
import { listen } from "./live.js";
import { Views } from "./modal.js";
import { attempt, notify } from "./notice.js";
import { go, here } from "./place.js";
import { Sidebar } from "./sidebar.js";
import { Store, isJoined } from "./store.js";
import { ThreadPane } from "./thread.js";

const RETRY_MS = 1000;
const app = document.getElementById("app");
const part = (id) => document.getElementById(id);

/** One user's page, from its first request until another user takes its place. */
class Session {
  constructor(session, user) {
    this.store = new Store(session, user, new Api(user.token));
    this.views = new Views(this.store);
    this.sidebar = new Sidebar(this.store, part("sidebar"));
    this.channel = new ChannelPane(this.store, part("channel"));
    this.thread = new ThreadPane(this.store, part("thread"));
    this.store.addEventListener("channels", () => this.#title());
  }

  /** Events first, then what was there before them: nothing falls between. */
  async load() {
    this.line = listen(this.store.me.token, {
      happened: handler(this.store, this.views, (id) => here().in === id && !document.hidden),
      changed: (connected) => this.#connection(connected),
    });
    await this.store.load();
  }

  stop() {
    this.line?.close();
    this.views.clear();
  }

  async #connection(connected) {
    const again = connected && !this.store.connected;
    this.store.connection(connected);
    part("reconnecting").hidden = connected;
    if (again) await attempt(() => this.#catchUp());
  }

  /** What happened while the line was broken is read from the history. */
  async #catchUp() {
    await this.store.load();
    const { in: id, thread } = here();
    if (id && this.store.channels.has(id)) await this.store.read(id, thread);
    this.shown();
  }

  show() {
    const place = here();
    // Shown before it is filled: what is hidden cannot be scrolled to its end.
    app.dataset.pane = place.thread ? "thread" : place.in ? "channel" : "sidebar";
    part("thread").hidden = !place.thread;
    if (place.in !== this.channel.id && place.in) this.channel.open(place.in);
    if (place.thread !== this.thread.thread || place.in !== this.thread.id) {
      if (place.thread) this.thread.open(place.in, place.thread);
      else this.thread.close();
    }
    if (!place.in) this.channel.id = null;
    this.sidebar.draw();
    this.#title();
  }

  shown() {
    const { in: id } = here();
    if (id && !document.hidden) this.store.markRead(id);
  }

  #title() {
    const { store } = this;
    const channel = store.channels.get(here().in);
    const name = channel ? `${channel.is_im ? "" : "#"}${store.titleOf(channel)} · ` : "";
    const unread = store.unread.total();
    document.title = `${unread ? `(${unread}) ` : ""}${name}Tandem`;
  }
}

let current = null;

async function arrive() {
  const place = here();
  if (current && current.store.me.id === place.as) {
    current.show();
    return;
  }
  current?.stop();
  const session = await knock();
  const user = session.users.find(({ id }) => id === place.as) ?? session.users[0];
  current = new Session(session, user);
  await current.load();
  const fitting = current.store.channels.has(place.in) ? place.in : firstPlace(current.store);
  go({ as: user.id, in: fitting, thread: fitting === place.in ? place.thread : null }, { replace: true });
  current.show();
}

/** The session, asked for until the workspace answers. */
async function knock() {
  for (;;) {
    try {
      const session = await Api.session();
      part("reconnecting").hidden = true;
      return session;
    } catch (refusal) {
      part("reconnecting").hidden = false;
      notify(refusal.message);
      await new Promise((resolve) => {
        setTimeout(resolve, RETRY_MS);
      });
    }
  }
}

/** On a narrow page the list of conversations comes first. */
function firstPlace(store) {
  if (window.matchMedia("(max-width: 720px)").matches) return null;
  const joined = [...store.channels.values()].filter((channel) => isJoined(channel) && !channel.is_im);
  return (joined.find((channel) => channel.is_general) ?? joined[0])?.id ?? store.botChannel;
}

window.addEventListener("hashchange", arrive);
document.addEventListener("visibilitychange", () => current?.shown());
arrive();
