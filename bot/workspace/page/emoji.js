// The short names this workspace knows; others stay as they were typed.

const GLYPHS = {
  "+1": "👍", "-1": "👎", thumbsup: "👍", thumbsdown: "👎", smile: "😄", slightly_smiling_face: "🙂", grin: "😁",
  joy: "😂", wink: "😉", thinking_face: "🤔", cry: "😢", tada: "🎉", wave: "👋", pray: "🙏", clap: "👏", eyes: "👀",
  heart: "❤️", fire: "🔥", rocket: "🚀", star: "⭐", sparkles: "✨", bulb: "💡", zap: "⚡", warning: "⚠️",
  white_check_mark: "✅", heavy_check_mark: "✔️", x: "❌", question: "❓", exclamation: "❗", no_entry: "⛔",
  hourglass: "⌛", hourglass_flowing_sand: "⏳", mag: "🔍", books: "📚", book: "📖", page_facing_up: "📄", memo: "📝",
  pencil: "📝", pencil2: "✏️", link: "🔗", paperclip: "📎", file_folder: "📁", lock: "🔒", key: "🔑", bell: "🔔",
  speech_balloon: "💬", calendar: "📅", chart_with_upwards_trend: "📈", robot_face: "🤖", bike: "🚲", bicyclist: "🚴",
  hammer_and_wrench: "🛠️", gear: "⚙️", bug: "🐛", package: "📦", ok_hand: "👌", raised_hands: "🙌", coffee: "☕",
  arrow_right: "➡️", arrow_left: "⬅️", information_source: "ℹ️", wastebasket: "🗑️", seedling: "🌱", herb: "🌿", sunny: "☀️", "100": "💯",
};

export function glyph(name) {
  return GLYPHS[name.replace(/::skin-tone-\d$/, "")];
}

/** Text with its known :names: drawn. */
export function withEmoji(text) {
  return text.replace(/:([a-z0-9_+-]+):/g, (whole, name) => glyph(name) ?? whole);
}
