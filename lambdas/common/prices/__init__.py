"""What a call can cost at most, and what it did cost (L1.6, Z.2).

Prices come from `prices.json`, a dated file with a source for each model, in nano-dollars a token: every
published price is a whole number of them, so no float is involved. A call is rounded up to the next
micro-dollar, once.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_NANO_PER_MICRO = 1_000
_PERCENT = 100
_FILE = Path(__file__).with_name("prices.json")


class UnknownModel(KeyError):
    """There is no price for this model, so it cannot be called: nobody could say what it costs."""


@dataclass(frozen=True, slots=True)
class Band:
    """Prices that hold for prompts of up to `up_to` tokens (None: any), in nano-dollars a token.

    The prompt is input, cache reads and cache writes together; crossing a band reprices every token of the
    call.
    """

    up_to: int | None
    input: int
    output: int
    cache_write_5m: int
    cache_write_1h: int
    cache_read: int

    @property
    def dearest_input(self) -> int:
        """What an input token can become: a 1-hour cache write, at worst."""
        return max(self.input, self.cache_write_5m, self.cache_write_1h, self.cache_read)


@dataclass(frozen=True, slots=True)
class PriceList:
    """The prices of one date. `as_of` is the date of the file, ISO 8601."""

    as_of: str
    models: Mapping[str, tuple[Band, ...]]
    batch_percent: int
    us_inference_percent: int
    web_search_microusd: int

    def dearest(
        self, model: str, input_tokens: int, max_tokens: int, *, batch: bool = False, web_searches: int = 0
    ) -> int:
        """Micro-dollars that a call can cost at most: every input token a 1-hour cache write, the whole of
        `max_tokens` used, in the dearest band that the prompt can reach, in the US. Raises `UnknownModel`.
        """
        reachable = self._bands(model)[: self._position(model, input_tokens) + 1]
        nano = max(band.dearest_input * input_tokens + band.output * max_tokens for band in reachable)
        return self._microusd(nano, batch=batch, us_inference=True) + web_searches * self.web_search_microusd

    def cost(self, model: str, usage: Mapping[str, Any], *, batch: bool = False) -> int:
        """Micro-dollars that a call with this `usage` (the shape of the Messages API) did cost. Raises
        `UnknownModel`.
        """
        written = _count(usage, "cache_creation_input_tokens")
        by_age = usage.get("cache_creation")
        written_1h = _count(by_age, "ephemeral_1h_input_tokens") if isinstance(by_age, Mapping) else 0
        written_1h = min(written_1h, written)
        read = _count(usage, "cache_read_input_tokens")
        fresh = _count(usage, "input_tokens")
        band = self._bands(model)[self._position(model, fresh + read + written)]
        nano = (
            band.input * fresh
            + band.cache_write_5m * (written - written_1h)
            + band.cache_write_1h * written_1h
            + band.cache_read * read
            + band.output * _count(usage, "output_tokens")
        )
        tools = usage.get("server_tool_use")
        searches = _count(tools, "web_search_requests") if isinstance(tools, Mapping) else 0
        return (
            self._microusd(
                nano,
                batch=batch or usage.get("service_tier") == "batch",
                us_inference=usage.get("inference_geo") == "us",
            )
            + searches * self.web_search_microusd
        )

    def _bands(self, model: str) -> tuple[Band, ...]:
        try:
            return self.models[model]
        except KeyError:
            raise UnknownModel(model) from None

    def _position(self, model: str, prompt_tokens: int) -> int:
        bands = self._bands(model)
        return next(
            position
            for position, band in enumerate(bands)
            if band.up_to is None or prompt_tokens <= band.up_to
        )

    def _microusd(self, nano: int, *, batch: bool, us_inference: bool) -> int:
        nano *= self.batch_percent if batch else _PERCENT
        nano *= self.us_inference_percent if us_inference else _PERCENT
        return -(-nano // (_NANO_PER_MICRO * _PERCENT * _PERCENT))


def load_prices(path: Path = _FILE) -> PriceList:
    """The price file. Raises `OSError`, `KeyError` or `ValueError` where it is not one."""
    document = json.loads(path.read_text("utf-8"))
    models = {
        name: tuple(Band(**band) for band in entry["bands"]) for name, entry in document["models"].items()
    }
    for name, bands in models.items():
        if bands[-1].up_to is not None:
            raise ValueError(f"{path.name}: {name}: the last band must hold for any prompt")
    return PriceList(
        as_of=document["as_of"],
        models=models,
        batch_percent=document["batch_percent"],
        us_inference_percent=document["us_inference_percent"],
        web_search_microusd=document["web_search_microusd"],
    )


def _count(usage: Mapping[str, Any], name: str) -> int:
    value = usage.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
