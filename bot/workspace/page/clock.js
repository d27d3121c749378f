// Times as people read them, in the browser's own zone.

const timeOfDay = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const dayOfYear = new Intl.DateTimeFormat("en-GB", { weekday: "long", day: "numeric", month: "long" });
const longDate = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "long", year: "numeric" });
const shortDate = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });
const numericDate = new Intl.DateTimeFormat("en-GB", { day: "2-digit", month: "2-digit", year: "numeric" });

/** A message's `ts` is seconds with six decimals, as a string. */
export function momentOf(ts) {
  return new Date(Number.parseFloat(ts) * 1000);
}

export function time(ts) {
  return timeOfDay.format(momentOf(ts));
}

export function day(ts, now = new Date()) {
  const moment = momentOf(ts);
  if (moment.toDateString() === now.toDateString()) return "Today";
  const yesterday = new Date(now);
  yesterday.setDate(now.getDate() - 1);
  return moment.toDateString() === yesterday.toDateString() ? "Yesterday" : dayOfYear.format(moment);
}

export function fullTime(ts) {
  return `${longDate.format(momentOf(ts))}, ${time(ts)}`;
}

/** Slack's <!date^…> tokens; anything unreadable becomes the fallback. */
export function formattedDate(seconds, format, fallback) {
  const moment = new Date(seconds * 1000);
  if (Number.isNaN(moment.getTime())) return fallback;
  const tokens = {
    date_num: numericDate, date: longDate, date_short: shortDate, date_long: dayOfYear,
    date_pretty: longDate, date_short_pretty: shortDate, date_long_pretty: dayOfYear,
    time: timeOfDay, time_secs: timeOfDay,
  };
  return format.replace(/\{(\w+)\}/g, (whole, token) => tokens[token]?.format(moment) ?? whole);
}
