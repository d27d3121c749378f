"""Block Kit's rules, enforced as Slack does: what may stand where, and how long it may be."""

import secrets
from typing import Any

from bot.workspace.block_elements import check_element, check_text
from bot.workspace.errors import SlackError
from bot.workspace.json_values import Json, as_array, as_object

MESSAGE_BLOCKS = 50
VIEW_BLOCKS = 100
MARKDOWN_CHARACTERS = 12_000  # all markdown blocks of one payload together
ID_CHARACTERS = 255
SECTION_FIELDS = 10
IMAGE_URL_CHARACTERS = 3_000

ELEMENTS_AT_MOST = {"actions": 25, "context": 10, "context_actions": 5}
KNOWN = frozenset(
    [
        "actions",
        "alert",
        "card",
        "carousel",
        "context",
        "context_actions",
        "data_visualization",
        "divider",
        "file",
        "header",
        "image",
        "input",
        "markdown",
        "plan",
        "rich_text",
        "section",
        "table",
        "task_card",
        "video",
    ]
)


def check_blocks(blocks: list[Any], *, at_most: int = MESSAGE_BLOCKS, too_many: str = "invalid_blocks") -> list[Json]:
    """Return the blocks with the ids that Slack fills in. Raises SlackError with the place of each fault."""
    if len(blocks) > at_most:
        raise SlackError(too_many, f"no more than {at_most} items allowed [json-pointer:/blocks]")
    faults: list[str] = []
    checked = [_check_block(block, f"/blocks/{place}", faults) for place, block in enumerate(blocks)]
    ids = [block["block_id"] for block in checked]
    faults += [f"block_id {name} already exists" for name in sorted({name for name in ids if ids.count(name) > 1})]
    if faults:
        raise SlackError("invalid_blocks", *faults, errors=faults)
    if sum(len(block["text"]) for block in checked if block["type"] == "markdown") > MARKDOWN_CHARACTERS:
        raise SlackError("msg_blocks_too_long", f"markdown blocks exceed {MARKDOWN_CHARACTERS} characters in all")
    return checked


def _check_block(block: Any, place: str, faults: list[str]) -> Json:
    checked = {**(as_object(block) or {})}
    if checked.get("type") not in KNOWN:
        faults.append(f"unsupported type [json-pointer:{place}/type]")
        return {"type": "divider", "block_id": ""}
    checked.setdefault("block_id", secrets.token_urlsafe(4))
    if len(str(checked["block_id"])) > ID_CHARACTERS:
        faults.append(f"must be less than {ID_CHARACTERS + 1} characters [json-pointer:{place}/block_id]")
    match checked["type"]:
        case "section":
            _check_section(checked, place, faults)
        case "header":
            check_text(checked.get("text"), f"{place}/text", faults, at_most=150, types=("plain_text",))
        case "markdown":
            if not isinstance(checked.get("text"), str):
                faults.append(f"must be a string [json-pointer:{place}/text]")
                checked["text"] = ""
        case "image":
            _check_image(checked, place, faults)
        case "input":
            check_text(checked.get("label"), f"{place}/label", faults, at_most=2000, types=("plain_text",))
            checked["element"] = check_element(checked.get("element"), "input", f"{place}/element", faults)
        case "actions" | "context" | "context_actions" as kind:
            _check_elements(checked, kind, place, faults)
        case _:
            pass
    return checked


def _check_section(block: Json, place: str, faults: list[str]) -> None:
    fields: Any = block.get("fields")
    if block.get("text") is None and not fields:
        faults.append(f"missing required field: text [json-pointer:{place}]")
    if block.get("text") is not None:
        check_text(block["text"], f"{place}/text", faults, at_most=3000)
    if fields is not None:
        listed = as_array(fields) or []
        if not 1 <= len(listed) <= SECTION_FIELDS:
            faults.append(f"must have 1 to {SECTION_FIELDS} items [json-pointer:{place}/fields]")
        for position, field in enumerate(listed):
            check_text(field, f"{place}/fields/{position}", faults, at_most=2000)
    if block.get("accessory") is not None:
        block["accessory"] = check_element(block["accessory"], "section", f"{place}/accessory", faults)


def _check_image(block: Json, place: str, faults: list[str]) -> None:
    if not block.get("alt_text"):
        faults.append(f"missing required field: alt_text [json-pointer:{place}]")
    if not block.get("image_url") and not block.get("slack_file"):
        faults.append(f"missing required field: image_url [json-pointer:{place}]")
    if len(str(block.get("image_url") or "")) > IMAGE_URL_CHARACTERS:
        faults.append(f"must be less than {IMAGE_URL_CHARACTERS + 1} characters [json-pointer:{place}/image_url]")


def _check_elements(block: Json, kind: str, place: str, faults: list[str]) -> None:
    elements = as_array(block.get("elements")) or []
    most = ELEMENTS_AT_MOST[kind]
    if not 1 <= len(elements) <= most:
        faults.append(f"must have 1 to {most} items [json-pointer:{place}/elements]")
        return
    block["elements"] = [
        check_element(element, kind, f"{place}/elements/{position}", faults)
        for position, element in enumerate(elements)
    ]
    actions = [element.get("action_id") for element in block["elements"] if element.get("action_id")]
    if len(actions) != len(set(actions)):
        faults.append(f"action_id already exists [json-pointer:{place}/elements]")
