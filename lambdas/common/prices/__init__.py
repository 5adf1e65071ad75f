"""Maximum and actual cost of a call (L1.6, Z.2).

Prices come from `prices.json`, a dated file with a source for each model, in nano-dollars per token: every
published price is a whole number of them, so no floats are involved. A call is rounded up to the next
micro-dollar, once.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lambdas.common.prices.usage import Tokens, read_usage

_NANO_PER_MICRO = 1_000
_PERCENT = 100
_FILE = Path(__file__).with_name("prices.json")


class UnknownModel(KeyError):
    """The model has no price, so it cannot be called: its cost would be unknown."""


@dataclass(frozen=True, slots=True)
class Band:
    """Prices for prompts of up to `up_to` tokens (None: any), in nano-dollars per token.

    The prompt is input, cache reads and cache writes together; a prompt in a higher band reprices every
    token of the call.
    """

    up_to: int | None
    input: int
    output: int
    cache_write_5m: int
    cache_write_1h: int
    cache_read: int

    def input_of(self, cache: str) -> int:
        """Return the maximum price of an input token if the request caches for `5m`, `1h` or not at all."""
        written = {"": 0, "5m": self.cache_write_5m, "1h": self.cache_write_1h}[cache]
        return max(self.input, self.cache_read, written)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks for that affects its price if the answer does not report it.

    These are `models` named in addition to its own, `fast` mode, inference in the `us`, and how long it
    caches (`5m`, `1h` or not at all).
    """

    models: tuple[str, ...] = ()
    fast: bool = False
    us: bool = False
    cache: str = ""


_NOTHING = Asked()


@dataclass(frozen=True, slots=True)
class Charge:
    """Cost of a call; a lower bound unless it is `certain`."""

    microusd: int
    input_tokens: int
    output_tokens: int
    certain: bool


@dataclass(frozen=True, slots=True)
class ModelPrices:
    """Prices of one model, and its maximum input and output tokens. `fast_percent` is the price of its fast
    mode; None if none is published.
    """

    bands: tuple[Band, ...]
    context_tokens: int
    output_tokens: int
    fast_percent: int | None = None

    def band_of(self, prompt_tokens: int) -> Band:
        """Return the band for a prompt of this size."""
        return next(band for band in self.bands if band.up_to is None or prompt_tokens <= band.up_to)

    def reachable(self, prompt_tokens: int) -> tuple[Band, ...]:
        """Return the bands for prompts of up to this size."""
        return self.bands[: self.bands.index(self.band_of(prompt_tokens)) + 1]


@dataclass(frozen=True, slots=True)
class PriceList:
    """Prices as of one date, ISO 8601."""

    as_of: str
    models: Mapping[str, ModelPrices]
    batch_percent: int
    us_inference_percent: int
    unknown_fast_percent: int
    web_search_microusd: int

    def of(self, model: str) -> ModelPrices:
        """Return the prices of a model. Raises `UnknownModel`."""
        try:
            return self.models[model]
        except KeyError:
            raise UnknownModel(model) from None

    def charge(
        self,
        model: str,
        usage: Mapping[str, Any],
        *,
        batch: bool = False,
        asked: Asked = _NOTHING,
        answered_by: str | None = None,
    ) -> Charge:
        """Return the actual cost of a call from its `usage` (as in the Messages API).

        Raises `UnknownModel` for `model`. Any other model in the usage without a price is charged at the
        highest price of all. `answered_by` is the model named in the answer: if it differs, the more
        expensive of the two applies.
        """
        own = self.of(model)
        read = read_usage(usage, output_required=any(band.output for band in own.bands))
        certain = read.certain
        fast = asked.fast if read.fast is None else read.fast
        priced: dict[bool, int] = {False: 0, True: 0}
        for part in read.parts:
            named = own if part.model is None else self.models.get(part.model)
            certain &= named is not None
            each = (named,) if named else self.models.values()
            priced[part.extra] += max(self._nano(one, part.tokens, asked, fast=fast) for one in each)
        # without a list of parts, any of the requested models may have answered
        others = [] if read.parts else [self.models.get(name) for name in asked.models]
        certain &= None not in others
        if not read.parts and answered_by is not None and answered_by != model:
            others.append(self._named_in(answered_by))
        totals = [self._nano(one, read.total, asked, fast=fast) for one in (own, *others) if one is not None]
        nano = max(*totals, priced[False]) + priced[True]
        microusd = self.microusd(nano, batch=batch, us=asked.us if read.us is None else read.us)
        tokens = [read.total, *(part.tokens for part in read.parts if part.extra)]
        return Charge(
            microusd + read.web_searches * self.web_search_microusd,
            sum(one.prompt for one in tokens),
            sum(one.output for one in tokens),
            certain,
        )

    def _named_in(self, name: str) -> ModelPrices | None:
        """Return the prices of the model whose name is contained in a provider's model id."""
        known = [one for one in self.models if one in name]
        return self.models[max(known, key=len)] if known else None

    def cost(self, model: str, usage: Mapping[str, Any], *, batch: bool = False) -> int:
        """Return the actual cost in micro-dollars of a call with this usage. Raises `UnknownModel`."""
        return self.charge(model, usage, batch=batch).microusd

    def microusd(self, nano: int, *, batch: bool, us: bool) -> int:
        """Return micro-dollars, rounded up, of nano-dollars at the list price."""
        nano *= self.batch_percent if batch else _PERCENT
        nano *= self.us_inference_percent if us else _PERCENT
        return -(-nano // (_NANO_PER_MICRO * _PERCENT * _PERCENT))

    def fast_nano(self, model: ModelPrices, nano: int) -> int:
        """Return the price in fast mode; without a published one, the highest known."""
        return -(-nano * (model.fast_percent or self.unknown_fast_percent) // _PERCENT)

    def _nano(self, model: ModelPrices, tokens: Tokens, asked: Asked, *, fast: bool) -> int:
        band = model.band_of(tokens.prompt)
        unplaced = band.cache_write_1h if asked.cache == "1h" else band.cache_write_5m
        nano = (
            band.input * tokens.fresh
            + band.cache_write_5m * tokens.written_5m
            + band.cache_write_1h * tokens.written_1h
            + unplaced * tokens.unplaced
            + band.cache_read * tokens.read
            + band.output * tokens.output
        )
        return self.fast_nano(model, nano) if fast else nano


def load_prices(path: Path = _FILE) -> PriceList:
    """Read the price file. Raises `OSError`, `KeyError` or `ValueError` if it is invalid."""
    document = json.loads(path.read_text("utf-8"))
    models = {
        name: ModelPrices(
            tuple(Band(**band) for band in entry["bands"]),
            entry["context_tokens"],
            entry["output_tokens"],
            entry.get("fast_percent"),
        )
        for name, entry in document["models"].items()
    }
    for name, model in models.items():
        if model.bands[-1].up_to is not None:
            raise ValueError(f"{path.name}: {name}: the last band must hold for any prompt")
    return PriceList(
        as_of=document["as_of"],
        models=models,
        batch_percent=document["batch_percent"],
        us_inference_percent=document["us_inference_percent"],
        unknown_fast_percent=document["unknown_fast_percent"],
        web_search_microusd=document["web_search_microusd"],
    )
