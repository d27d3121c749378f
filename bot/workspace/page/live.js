// The WebSocket of what happens, kept open.

const FIRST_WAIT_MS = 300;
const LONGEST_WAIT_MS = 4000;

/** Calls `happened(event)` for each event and `changed(connected)` as the line opens and breaks; gives `close()`. */
export function listen(token, { happened, changed }) {
  let socket = null;
  let wait = FIRST_WAIT_MS;
  let timer = null;
  let closed = false;

  const open = () => {
    socket = new WebSocket(`ws://${location.host}/page/events?${new URLSearchParams({ token })}`);
    socket.addEventListener("message", ({ data }) => {
      const event = JSON.parse(data);
      if (event.type === "hello") {
        wait = FIRST_WAIT_MS;
        changed(true);
      } else {
        happened(event);
      }
    });
    socket.addEventListener("close", () => {
      if (closed) return;
      changed(false);
      timer = setTimeout(open, wait);
      wait = Math.min(wait * 2, LONGEST_WAIT_MS);
    });
  };

  open();
  return {
    close() {
      closed = true;
      clearTimeout(timer);
      socket.close();
    },
  };
}
