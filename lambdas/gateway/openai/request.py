"""Translation of a chat completion request into a Messages request.

Every field of the OpenAI API is either translated, accepted without effect because it changes nothing that
a caller could see, or refused by name.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lambdas.gateway.errors import invalid_request

DEFAULT_MAX_TOKENS = 8_192  # the OpenAI API requires no limit, the Messages API does
_IMAGE_TYPES = ("image/png", "image/jpeg", "image/gif", "image/webp")
_EFFORTS = {"minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "max"}

# Fields that do not affect the answer: accepted, not forwarded.
WITHOUT_EFFECT = (
    "metadata",
    "prompt_cache_key",
    "prompt_cache_retention",
    "safety_identifier",
    "stream_options",  # used by the answer: `include_usage`
    "user",
)
# Fields of which only the values without effect can be translated.
NEUTRAL: Mapping[str, Sequence[Any]] = {
    "n": (1,),
    "store": (False,),
    "logprobs": (False,),
    "frequency_penalty": (0,),
    "presence_penalty": (0,),
    "logit_bias": ({},),
    "modalities": (["text"],),
    "service_tier": ("auto", "default"),
    "verbosity": ("medium",),
}
TRANSLATED = (
    "messages",
    "model",
    "max_tokens",
    "max_completion_tokens",
    "temperature",
    "top_p",
    "stop",
    "stream",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "response_format",
    "reasoning_effort",
)


def messages_request(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the equivalent Messages body. Raises `ApiError` 400 naming the field that cannot be
    translated.
    """
    _refuse_unknown(fields)
    system, messages = _conversation(_list(fields.get("messages"), "messages"))
    body: dict[str, Any] = {
        "model": fields.get("model"),
        "max_tokens": _max_tokens(fields),
        "messages": messages,
    }
    if system:
        body["system"] = system
    for name in ("temperature", "top_p"):
        if fields.get(name) is not None:
            body[name] = _fraction(fields[name], name)
    if fields.get("stop") is not None:
        body["stop_sequences"] = [fields["stop"]] if isinstance(fields["stop"], str) else fields["stop"]
    if fields.get("stream"):
        body["stream"] = fields["stream"]
    _add_tools(body, fields)
    _add_output(body, fields)
    return body


def includes_usage(fields: Mapping[str, Any]) -> bool:
    """Return whether the last chunk of the stream must report usage."""
    options = fields.get("stream_options")
    return isinstance(options, Mapping) and options.get("include_usage") is True


def _refuse_unknown(fields: Mapping[str, Any]) -> None:
    for name, value in fields.items():
        if name in TRANSLATED or name in WITHOUT_EFFECT or value is None:
            continue
        if name not in NEUTRAL:
            raise invalid_request(f"{name[:100]}: cannot be translated for Claude")
        if value not in NEUTRAL[name]:
            raise invalid_request(f"{name}: only {json.dumps(NEUTRAL[name][0])} can be translated for Claude")


def _max_tokens(fields: Mapping[str, Any]) -> Any:
    given = [fields[name] for name in ("max_completion_tokens", "max_tokens") if fields.get(name) is not None]
    return given[0] if given else DEFAULT_MAX_TOKENS


def _fraction(value: Any, name: str) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise invalid_request(f"{name}: Claude takes 0 to 1")
    return value


# -- messages ------------------------------------------------------------------------------------------


def _conversation(turns: Sequence[Any]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return instructions and messages. Consecutive tool results become one message, as Claude requires."""
    system: list[dict[str, Any]] = []
    messages: list[dict[str, Any]] = []
    for index, turn in enumerate(turns):
        place = f"messages[{index}]"
        if not isinstance(turn, Mapping):
            raise invalid_request(f"{place}: must be an object")
        match turn.get("role"):
            case "system" | "developer":
                system += _parts(turn.get("content"), f"{place}.content", _text_only)
            case "user":
                messages.append(
                    {"role": "user", "content": _parts(turn.get("content"), f"{place}.content", _user_part)}
                )
            case "assistant":
                messages.append({"role": "assistant", "content": _assistant(turn, place)})
            case "tool":
                _add_result(messages, _result(turn, place))
            case _:
                raise invalid_request(f"{place}.role: system, developer, user, assistant or tool is needed")
    return system, messages


def _add_result(messages: list[dict[str, Any]], result: dict[str, Any]) -> None:
    last = messages[-1] if messages else None
    if last is not None and last["role"] == "user" and last["content"][-1]["type"] == "tool_result":
        last["content"].append(result)
    else:
        messages.append({"role": "user", "content": [result]})


def _result(turn: Mapping[str, Any], place: str) -> dict[str, Any]:
    return {
        "type": "tool_result",
        "tool_use_id": _text(turn.get("tool_call_id"), f"{place}.tool_call_id"),
        "content": _parts(turn.get("content"), f"{place}.content", _user_part),
    }


def _assistant(turn: Mapping[str, Any], place: str) -> list[dict[str, Any]]:
    if turn.get("audio") is not None or turn.get("function_call") is not None:
        name = "audio" if turn.get("audio") is not None else "function_call"
        raise invalid_request(f"{place}.{name}: cannot be translated for Claude")
    content = turn.get("content")
    blocks = _parts(content, f"{place}.content", _text_only) if content not in (None, "", []) else []
    calls = turn.get("tool_calls")
    for index, call in enumerate(_list(calls, f"{place}.tool_calls") if calls else ()):
        blocks.append(_tool_use(call, f"{place}.tool_calls[{index}]"))
    if not blocks:
        raise invalid_request(f"{place}: an assistant message needs content or tool_calls")
    return blocks


def _tool_use(call: Any, place: str) -> dict[str, Any]:
    if not isinstance(call, Mapping) or call.get("type", "function") != "function":
        raise invalid_request(f"{place}: only calls of functions can be translated for Claude")
    function = _object(call.get("function"), f"{place}.function")
    arguments = function.get("arguments")
    try:
        given = json.loads(arguments) if isinstance(arguments, str) and arguments.strip() else {}
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict):
        raise invalid_request(f"{place}.function.arguments: must be a JSON object as text")
    return {
        "type": "tool_use",
        "id": _text(call.get("id"), f"{place}.id"),
        "name": _text(function.get("name"), f"{place}.function.name"),
        "input": given,
    }


def _parts(
    content: Any, place: str, part: Callable[[Mapping[str, Any], str], dict[str, Any]]
) -> list[dict[str, Any]]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [
        part(_object(one, f"{place}[{index}]"), f"{place}[{index}]")
        for index, one in enumerate(_list(content, place))
    ]


def _text_only(part: Mapping[str, Any], place: str) -> dict[str, Any]:
    if part.get("type") == "refusal":
        return {"type": "text", "text": _text(part.get("refusal"), f"{place}.refusal")}
    if part.get("type") != "text":
        raise invalid_request(f"{place}: only text can be translated for Claude here")
    return {"type": "text", "text": _text(part.get("text"), f"{place}.text")}


def _user_part(part: Mapping[str, Any], place: str) -> dict[str, Any]:
    match part.get("type"):
        case "image_url":
            return _image(_object(part.get("image_url"), f"{place}.image_url"), f"{place}.image_url.url")
        case "file":
            return _file(_object(part.get("file"), f"{place}.file"), f"{place}.file")
        case "text":
            return _text_only(part, place)
        case _:
            raise invalid_request(f"{place}.type: only text, image_url and file can be translated for Claude")


def _image(image: Mapping[str, Any], place: str) -> dict[str, Any]:
    url = _text(image.get("url"), place)
    if not url.startswith("data:"):
        return {"type": "image", "source": {"type": "url", "url": url}}
    media_type, data = _data_url(url, place)
    if media_type not in _IMAGE_TYPES:
        raise invalid_request(f"{place}: one of {', '.join(_IMAGE_TYPES)} is needed")
    return {"type": "image", "source": {"type": "base64", "media_type": media_type, "data": data}}


def _file(file: Mapping[str, Any], place: str) -> dict[str, Any]:
    if file.get("file_id") is not None:
        return {"type": "document", "source": {"type": "file", "file_id": file["file_id"]}}
    media_type, data = _data_url(_text(file.get("file_data"), f"{place}.file_data"), f"{place}.file_data")
    if media_type != "application/pdf":
        raise invalid_request(f"{place}.file_data: application/pdf is needed")
    title = {"title": file["filename"]} if isinstance(file.get("filename"), str) else {}
    return {
        "type": "document",
        "source": {"type": "base64", "media_type": media_type, "data": data},
        **title,
    }


def _data_url(url: str, place: str) -> tuple[str, str]:
    head, comma, data = url.partition(",")
    media_type, _, encoding = head.removeprefix("data:").partition(";")
    if not url.startswith("data:") or not comma or encoding != "base64":
        raise invalid_request(f"{place}: data:<media type>;base64,… is needed")
    return media_type, data


# -- tools and output ----------------------------------------------------------------------------------


def _add_tools(body: dict[str, Any], fields: Mapping[str, Any]) -> None:
    if fields.get("tools"):
        body["tools"] = [
            _tool(one, f"tools[{index}]") for index, one in enumerate(_list(fields["tools"], "tools"))
        ]
    choice = fields.get("tool_choice")
    chosen: dict[str, Any] = {}
    if isinstance(choice, str):
        kinds = {"auto": "auto", "none": "none", "required": "any"}
        if choice not in kinds:
            raise invalid_request("tool_choice: auto, none, required or a function")
        chosen = {"type": kinds[choice]}
    elif choice is not None:
        if not isinstance(choice, Mapping) or choice.get("type") != "function":
            raise invalid_request("tool_choice: auto, none, required or a function")
        function = _object(choice.get("function"), "tool_choice.function")
        chosen = {"type": "tool", "name": _text(function.get("name"), "tool_choice.function.name")}
    if fields.get("parallel_tool_calls") is False and body.get("tools"):
        chosen = {"type": "auto", **chosen}
        if chosen["type"] != "none":
            chosen["disable_parallel_tool_use"] = True
    if chosen and body.get("tools"):
        body["tool_choice"] = chosen


def _tool(tool: Any, place: str) -> dict[str, Any]:
    if not isinstance(tool, Mapping) or tool.get("type") != "function":
        raise invalid_request(f"{place}: only functions can be translated for Claude")
    function = _object(tool.get("function"), f"{place}.function")
    made: dict[str, Any] = {
        "name": _text(function.get("name"), f"{place}.function.name"),
        "input_schema": function.get("parameters") or {"type": "object", "properties": {}},
    }
    if function.get("description"):
        made["description"] = function["description"]
    if function.get("strict"):
        made["strict"] = True
    return made


def _add_output(body: dict[str, Any], fields: Mapping[str, Any]) -> None:
    output: dict[str, Any] = {}
    wanted = fields.get("response_format")
    if wanted is not None:
        kind = wanted.get("type") if isinstance(wanted, Mapping) else None
        if kind == "json_schema":
            schema = _object(wanted.get("json_schema"), "response_format.json_schema")
            output["format"] = {
                "type": "json_schema",
                "schema": _object(schema.get("schema"), "response_format.json_schema.schema"),
            }
        elif kind != "text":
            raise invalid_request("response_format: text or json_schema; json_object has no schema to hold")
    effort = fields.get("reasoning_effort")
    if effort is not None and effort != "none":
        if not isinstance(effort, str) or effort not in _EFFORTS:
            raise invalid_request(f"reasoning_effort: one of none, {', '.join(_EFFORTS)}")
        output["effort"] = _EFFORTS[effort]
    if output:
        body["output_config"] = output


def _list(value: Any, place: str) -> Sequence[Any]:
    if not isinstance(value, list) or not value:
        raise invalid_request(f"{place}: a list with at least one element is needed")
    return value


def _object(value: Any, place: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise invalid_request(f"{place}: must be an object")
    return value


def _text(value: Any, place: str) -> str:
    if not isinstance(value, str):
        raise invalid_request(f"{place}: must be a string")
    return value
