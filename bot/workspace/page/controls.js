// Block Kit's interactive elements, in messages, forms and the bot's home.

import { buttonControl, feedbackControl, iconControl, overflowControl } from "./buttons.js";
import { chooseFrom, choices, pickOf } from "./choices.js";
import { dateField, fileField, textField } from "./fields.js";
import { el } from "./dom.js";

const BUILDERS = {
  button: buttonControl,
  feedback_buttons: feedbackControl,
  icon_button: iconControl,
  overflow: overflowControl,
  static_select: chooseFrom((element) => element),
  multi_static_select: choices("checkbox", "selected_options"),
  checkboxes: choices("checkbox", "selected_options"),
  radio_buttons: choices("radio", "selected_option"),
  users_select: pickOf("selected_user", people),
  conversations_select: pickOf("selected_conversation", conversations),
  channels_select: pickOf("selected_channel", (store) => conversations(store).filter(({ value }) => !store.channels.get(value).is_im)),
  plain_text_input: textField("text"),
  url_text_input: textField("url"),
  email_text_input: textField("email"),
  number_input: textField("number"),
  datepicker: dateField("date", "selected_date"),
  timepicker: dateField("time", "selected_time"),
  file_input: fileField,
};

/** A control is {node, field, state()}: `field` takes the label and the focus, `state()` is Slack's state value. */
export function control(element, block, surface) {
  const builder = BUILDERS[element.type];
  if (!builder) {
    return { node: el("span", { class: "muted" }, `(“${element.type}” is not drawn here.)`), state: () => null };
  }
  const initial = surface.initial?.(block.block_id, element.action_id);
  let built = null;
  const act = (action) => surface.act({ type: element.type, block_id: block.block_id, action_id: element.action_id, ...action });
  // Inside an input block only one that dispatches its actions tells the app of each change.
  const changed = () => (block.type !== "input" || block.dispatch_action) && act(built.state());
  built = builder(element, { block, surface, initial, act, changed, focus: `${block.block_id}/${element.action_id}` });
  if (surface.controls && built.state) {
    surface.controls[block.block_id] = { ...surface.controls[block.block_id], [element.action_id]: built };
  }
  return built;
}

function people(store) {
  return [...store.people.values()].map((person) => ({ value: person.id, label: person.real_name || person.name }));
}

function conversations(store) {
  return [...store.channels.values()].map((channel) => ({
    value: channel.id, label: channel.is_im ? store.titleOf(channel) : `#${channel.name}`,
  }));
}
