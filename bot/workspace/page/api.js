// The server's HTTP side: Slack's own methods as the user, and the page's calls. See ../README.md.

/** A call that the server refused; `code` is Slack's error name, `message` a sentence for people. */
export class Refused extends Error {
  constructor(code, details = {}) {
    super(SENTENCES[code] ?? `The workspace answered “${code}”.`);
    this.code = code;
    this.details = details;
  }
}

const SENTENCES = {
  unreachable: "The workspace does not answer. Is it running?",
  dispatch_failed: "Tandem is not connected, so nobody received this. Start the bot and try again.",
  dispatch_unknown_command: "There is no such command here. Type / to see those there are.",
  operation_timeout: "Tandem did not answer in time. Try again.",
  no_text: "There is nothing to send yet.",
  msg_too_long: "This message is too long. Send it as a file, or in parts.",
  cant_update_message: "Only your own messages can be edited.",
  cant_delete_message: "Only your own messages can be deleted.",
  channel_not_found: "This conversation is not open to you.",
  not_in_channel: "Join the channel first.",
  is_archived: "This channel is archived.",
  message_not_found: "That message is gone.",
  view_not_found: "That form is no longer open.",
  action_not_found: "That control is no longer there.",
  ratelimited: "That was too fast. Wait a moment.",
  file_too_large: "This file is too large.",
};

export class Api {
  constructor(token) {
    this.token = token;
  }

  static session() {
    return answered(fetch("/page/session"));
  }

  slack(method, body = {}) {
    return this.#post(`/api/${method}`, body);
  }

  command(channel, command, text) {
    return this.#post("/page/command", { channel, command, text });
  }

  shortcut(channel, messageTs, callbackId) {
    return this.#post("/page/shortcut", { channel, message_ts: messageTs, callback_id: callbackId });
  }

  action(body) {
    return this.#post("/page/action", body);
  }

  view(body) {
    return this.#post("/page/view", body);
  }

  home(body = {}) {
    return this.#post("/page/home", body);
  }

  /** Store a file and give its id; nobody sees it until it is shared, or handed in with a form. */
  async store(file) {
    const place = await this.slack("files.getUploadURLExternal", { filename: file.name, length: file.size });
    const response = await fetch(sameOrigin(place.upload_url), { method: "POST", body: file }).catch(() => null);
    if (!response?.ok) throw new Refused(response?.status === 413 ? "file_too_large" : "unreachable");
    return place.file_id;
  }

  completeUpload(files, share = {}) {
    return this.slack("files.completeUploadExternal", { files, ...share });
  }

  /** A blob: address of a private file, to be revoked by whoever asked for it. */
  async fileAddress(privateAddress) {
    const response = await fetch(sameOrigin(privateAddress), { headers: this.#headers() });
    if (!response.ok) throw new Refused("file_not_found");
    return URL.createObjectURL(await response.blob());
  }

  #post(path, body) {
    const headers = { ...this.#headers(), "Content-Type": "application/json; charset=utf-8" };
    return answered(fetch(path, { method: "POST", headers, body: JSON.stringify(body) }));
  }

  #headers() {
    return { Authorization: `Bearer ${this.token}` };
  }
}

async function answered(request) {
  const response = await request.catch(() => null);
  const answer = await response?.json().catch(() => null);
  if (!answer) throw new Refused("unreachable");
  if (!answer.ok) throw new Refused(answer.error ?? "unknown_error", answer);
  return answer;
}

/** The server may name itself localhost or 127.0.0.1; the page's policy knows only the name it was opened by. */
function sameOrigin(address) {
  const { pathname, search } = new URL(address, location.href);
  return pathname + search;
}
