"""Maximum cost of a request, which its price cannot exceed (L1.6).

No token of text is shorter than a byte, so the length of the body limits its text, and the JSON around it
exceeds what the API adds around messages. Some parts may have more tokens than bytes (images, PDF pages,
whatever is fetched by URL or file id); no prompt is larger than the model's window. If the provider itself
continues (server tools, MCP servers, compactions, an advisor, fallbacks), each round reads the prompt
again, and each model is billed at its own price.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lambdas.common.prices import Asked, ModelPrices, PriceList
from lambdas.gateway.survey import MCP_TOOLSET, Survey, tool_type

_TOOLS_TOKENS = 1_000  # the API's own instructions for tools
_IMAGE_TOKENS = 5_000
_ROUNDS = 10  # of a server-side loop, before the API returns the turn
_USES = 100  # of a tool without `max_uses`
_SEARCH_TOKENS = 30_000  # added by the results of one web search
_CONTAINER_MICROUSD = 50_000  # an hour of a container
_COMPACTS_FROM = 150_000  # input tokens, if the request names no other trigger
_CALLERS_TOOLS = ("custom", "bash_", "text_editor_", "computer_", "browser_", "memory_")


@dataclass(frozen=True, slots=True)
class WorstCase:
    """Micro-dollars. `input_microusd` is everything but the output.

    `stepwise`: the provider does nothing that a stream does not show, so the output may be reserved in
    steps.
    """

    microusd: int
    input_microusd: int
    input_tokens: int
    stepwise: bool
    asked: Asked
    prices: PriceList
    output_nano: int
    batch: bool

    def output_microusd(self, tokens: int) -> int:
        """Return the maximum cost of this many output tokens."""
        return self.prices.microusd(self.output_nano * tokens, batch=self.batch, us=True)


@dataclass(frozen=True, slots=True)
class _ServerTool:
    """A tool that the provider runs: its maximum number of uses, and the tokens that each use adds."""

    kind: str
    uses: int
    tokens: int


def worst_case(
    prices: PriceList,
    model: str,
    fields: Mapping[str, Any],
    seen: Survey,
    size: int,
    max_tokens: int,
    *,
    stream: bool = False,
    batch: bool = False,
) -> WorstCase:
    """Return the bound for a Messages body of `size` bytes with `seen`. Raises `KeyError` for a model
    without a price.
    """
    own, fallbacks = prices.of(model), _fallbacks(fields)
    tools = _server_tools(fields, seen, own.context_tokens, size)
    prompts = _prompts(own, seen, size, tools)
    fast = any(one.get("speed") == "fast" for one in (fields, *fallbacks))
    us = fields.get("inference_geo") == "us"
    asked = Asked(tuple(name for _, name in seen.models), fast, us, seen.cache)
    models = [own, *(prices.of(_model(one)) for one in fallbacks)]
    read = sum(_input_nano(prices, one, prompts, asked) for one in models)
    written = sum(_output_nano(prices, one, prompts, asked) for one in models)
    extra = _compactions(prices, own, fields, prompts, asked) + _advice(
        prices, seen, prompts, max_tokens, asked
    )
    searches = sum(tool.uses for tool in tools if tool.kind.startswith("web_search"))
    fixed = searches * prices.web_search_microusd
    if fields.get("container") or any(tool.kind.startswith("code_execution") for tool in tools):
        fixed += _CONTAINER_MICROUSD
    return WorstCase(
        prices.microusd(read + extra + written * max_tokens, batch=batch, us=True) + fixed,
        prices.microusd(read + extra, batch=batch, us=True) + fixed,
        sum(prompts),
        stream and not tools and not fallbacks and not extra,
        asked,
        prices,
        written,
        batch,
    )


def _prompts(own: ModelPrices, seen: Survey, size: int, tools: Sequence[_ServerTool]) -> list[int]:
    """Return the maximum prompt of each round, in tokens."""
    window = own.context_tokens
    first = window if seen.windows else size + seen.images * _IMAGE_TOKENS
    first += _TOOLS_TOKENS if seen.tools else 0
    rounds = min(sum(tool.uses for tool in tools), _ROUNDS)
    growth = sum(tool.tokens * -(-tool.uses // _ROUNDS) for tool in tools)
    return [min(first + number * growth, window) for number in range(rounds + 1)]


def _input_nano(prices: PriceList, model: ModelPrices, prompts: Iterable[int], asked: Asked) -> int:
    nano = sum(
        max(band.input_of(asked.cache) for band in model.reachable(tokens)) * tokens for tokens in prompts
    )
    return prices.fast_nano(model, nano) if asked.fast else nano


def _output_nano(prices: PriceList, model: ModelPrices, prompts: Sequence[int], asked: Asked) -> int:
    nano = max(band.output for band in model.reachable(max(prompts)))
    return prices.fast_nano(model, nano) if asked.fast else nano


def _server_tools(fields: Mapping[str, Any], seen: Survey, window: int, size: int) -> list[_ServerTool]:
    found = [_server_tool(tool, window, size) for _, tool in seen.tools if _runs_at_provider(tool)]
    if fields.get("mcp_servers") and not any(tool.kind == MCP_TOOLSET for tool in found):
        found.append(_ServerTool(MCP_TOOLSET, _USES, window))
    if fields.get("container") and not found:
        found.append(_ServerTool("container", _USES, window))
    return found


def _runs_at_provider(tool: Mapping[str, Any]) -> bool:
    return not tool_type(tool).startswith(_CALLERS_TOOLS)


def _server_tool(tool: Mapping[str, Any], window: int, size: int) -> _ServerTool:
    kind = tool_type(tool)
    uses = _positive(tool.get("max_uses"), _USES)
    if kind.startswith("web_search"):
        return _ServerTool(kind, uses, _SEARCH_TOKENS)
    if kind.startswith("web_fetch"):
        return _ServerTool(kind, uses, _positive(tool.get("max_content_tokens"), window))
    if kind.startswith("tool_search"):  # adds definitions that the body contains
        return _ServerTool(kind, _ROUNDS, size)
    if kind.startswith("advisor"):
        return _ServerTool(kind, uses, _positive(tool.get("max_tokens"), window))
    return _ServerTool(kind, uses, window)


def _positive(value: Any, otherwise: int) -> int:
    """Return the number in a request, or `otherwise` if it is not a number."""
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not math.isfinite(value)
        or value <= 0
    ):
        return otherwise
    return math.ceil(value)


def _fallbacks(fields: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    given = fields.get("fallbacks")
    return [one for one in given if isinstance(one, Mapping)] if isinstance(given, list) else []


def _model(holder: Mapping[str, Any]) -> str:
    return str(holder.get("model"))


def _compactions(
    prices: PriceList, own: ModelPrices, fields: Mapping[str, Any], prompts: Sequence[int], asked: Asked
) -> int:
    """Return the cost of compactions, each of which reads the prompt once more and writes a summary."""
    management = fields.get("context_management")
    edits = management.get("edits") if isinstance(management, Mapping) else None
    named = [
        edit
        for edit in (edits if isinstance(edits, list) else ())
        if isinstance(edit, Mapping) and str(edit.get("type")).startswith("compact")
    ]
    triggers = [
        _positive(trigger.get("value"), 0) if isinstance(trigger, Mapping) else _COMPACTS_FROM
        for trigger in (edit.get("trigger") for edit in named)
    ]
    if fields.get("compaction"):
        triggers.append(0)
    reached = [tokens for tokens in prompts if triggers and tokens >= min(triggers)]
    if not reached:
        return 0
    output = _output_nano(prices, own, prompts, asked) * own.output_tokens
    return _input_nano(prices, own, reached, asked) + len(reached) * output


def _advice(prices: PriceList, seen: Survey, prompts: Sequence[int], max_tokens: int, asked: Asked) -> int:
    """Return the cost of an advisor, which reads the whole conversation at each use, at its own price."""
    nano = 0
    for _, tool in seen.tools:
        if tool_type(tool).startswith("advisor"):
            model = prices.of(_model(tool))
            uses = min(_positive(tool.get("max_uses"), _ROUNDS), _ROUNDS)
            read = min(max(prompts) + max_tokens, model.context_tokens)
            written = _positive(tool.get("max_tokens"), model.output_tokens)
            each = _input_nano(prices, model, [read], asked)
            nano += uses * (each + _output_nano(prices, model, [read], asked) * written)
    return nano


def worst_case_of_texts(prices: PriceList, model: str, size: int) -> WorstCase:
    """Return the bound for embedding texts of `size` bytes, which has no output."""
    own = prices.of(model)
    microusd = prices.microusd(max(band.input for band in own.bands) * size, batch=False, us=True)
    return WorstCase(microusd, microusd, size, False, Asked(), prices, 0, False)


def worst_case_of_batch(
    prices: PriceList, model: str, requests: Iterable[tuple[Mapping[str, Any], Survey]]
) -> WorstCase:
    """Return the bound for the requests of a batch together."""
    each = [
        worst_case(prices, model, params, seen, _size(params), params["max_tokens"], batch=True)
        for params, seen in requests
    ]
    microusd, tokens = sum(one.microusd for one in each), sum(one.input_tokens for one in each)
    return WorstCase(microusd, microusd, tokens, False, Asked(), prices, 0, True)


def _size(params: Mapping[str, Any]) -> int:
    return len(json.dumps(params, ensure_ascii=False).encode("utf-8", "surrogatepass"))
