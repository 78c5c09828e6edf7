"""The YAML file behind ``--config``: LLMRouter's keys for its hybrid_llm router, and our own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from hybrid_router_core.calibration import Limit
from hybrid_router_core.errors import ConfigError
from hybrid_router_core.guard import check_guard

from .yaml_file import found

__all__ = ["CalibrationSection", "Config", "DataSection", "ModelPaths", "ModelSection"]


def _unset(value: Any) -> Any:
    return None if value == "" else value  # LLMRouter's files write '' where nothing is meant


Text = Annotated[str | None, BeforeValidator(_unset)]
Share = Annotated[float, Field(gt=0, le=1)]


class _Section(BaseModel):
    # Strict, so that `yes` is no number; a field's description is what its error calls allowed.
    model_config = ConfigDict(protected_namespaces=(), extra="forbid", strict=True, allow_inf_nan=False)


def _path(what: str) -> Any:
    return Field(default=None, description=f"text, the path of {what}")


class ModelPaths(_Section):
    """Where routers are saved and loaded."""

    ini_model_path: Text = _path("a first model; LLMRouter's key, which must not exist")
    save_model_path: Text = _path("the folder to save the router to")
    load_model_path: Text = _path("the folder to load the router from")


class DataSection(_Section):
    """Data files by part, in our form or LLMRouter's."""

    train: Text = _path("a data set")
    calibration: Text = _path("a data set")
    test: Text = _path("a data set")
    split: list[Share] | None = Field(
        default=None, min_length=1, max_length=3, description="one to three shares, such as [0.6, 0.2, 0.2]"
    )
    by: Literal["query", "group"] | None = Field(default=None, description="query, group")
    routing_data_train: Text = _path("LLMRouter's routing data")
    routing_data_test: Text = _path("LLMRouter's routing data")
    llm_data: Text = _path("LLMRouter's candidates, a JSON file")
    query_data_train: Text = _path("a file of LLMRouter's; not read")
    query_data_test: Text = _path("a file of LLMRouter's; not read")
    query_embedding_data: Text = _path("a file of LLMRouter's; not read")
    llm_embedding_data: Text = _path("a file of LLMRouter's; not read")

    @model_validator(mode="after")
    def _one_name_each(self) -> DataSection:
        for ours, theirs in (("train", "routing_data_train"), ("test", "routing_data_test")):
            if getattr(self, ours) and getattr(self, theirs):
                raise ValueError(f"{ours} and {theirs} are the same thing; give one of them")
        if sum(self.split or ()) > 1 + 1e-9:
            raise ValueError(f"split is {self.split}; the sum of the shares is at most 1")
        if self.split and (self.calibration or self.test_path):
            raise ValueError("split divides the one file of train; leave it out where calibration or test has a file")
        return self

    @property
    def train_path(self) -> str | None:
        """The file to learn from."""
        return self.train or self.routing_data_train

    @property
    def test_path(self) -> str | None:
        """The file to measure on."""
        return self.test or self.routing_data_test


class ModelSection(_Section):
    """One model of the pair; with a base_url it can answer."""

    name: Text = Field(default=None, description="text, the name in the data and in the results")
    base_url: Text = Field(default=None, description="text, the address of an OpenAI-compatible server")
    model: Text = Field(default=None, description="text, the name that the server knows")
    api_key_env: Text = Field(default=None, description="text, the name of the environment variable with the key")


class CalibrationSection(_Section):
    """A target for the threshold; exactly one of the first three."""

    cost_advantage: float | None = Field(default=None, ge=0, le=1, description="a share from 0 to 1")
    pgr: float | None = Field(default=None, ge=0, le=1, description="a number from 0 to 1")
    max_quality_drop: float | str | None = Field(
        default=None, description="a number >= 0, in units of quality, or a text such as 2%"
    )
    across: Literal["groups"] | None = Field(default=None, description="groups")
    confidence: float = Field(default=0.95, gt=0, lt=1, description="a number between 0 and 1")
    quality_range: list[float] | None = Field(
        default=None, min_length=2, max_length=2, description="two numbers, the lowest and a higher one"
    )

    @field_validator("max_quality_drop", mode="before")
    @classmethod
    def _is_a_limit(cls, value: Any) -> Any:
        try:
            Limit.of(value)
        except ConfigError:
            raise PydanticCustomError("limit", "not a limit") from None
        return value

    @field_validator("quality_range")
    @classmethod
    def _rises(cls, ends: list[float] | None) -> list[float] | None:
        if ends is not None and not ends[0] < ends[1]:
            raise ValueError(f"found {ends}; allowed: two numbers, the lowest and a higher one")
        return ends

    @model_validator(mode="after")
    def _reaches_with_a_limit(self) -> CalibrationSection:
        if self.across is not None and self.max_quality_drop is None:
            raise ValueError("across needs max_quality_drop: only a limit holds for other groups")
        return self


def _as(key: str) -> BeforeValidator:
    """Text in the place of a section stands for its most important key."""
    return BeforeValidator(lambda value: {key: value} if isinstance(value, str) else value)


Data = Annotated[DataSection, _as("train")]
Model = Annotated[ModelSection, _as("name")]
_DATA = "text (the path of a data set), or a section with train, calibration, test, split, by"
_MODEL = "text (a name), or a section with name, base_url, model, api_key_env"


class Config(_Section):
    """All keys; every one is optional, and the command line overrides them."""

    router_mode: Literal["deterministic", "probabilistic", "transformed"] | None = Field(
        default=None, description="deterministic, probabilistic, transformed"
    )
    router_tau: float | None = Field(default=None, gt=0, description="a number > 0, in units of quality")
    router_threshold: float | None = Field(
        default=None, ge=0, le=1, description="a number from 0 (all to small) to 1; the margin is router_margin"
    )
    router_margin: float | None = Field(default=None, ge=0, description="a number >= 0, in units of quality")
    hparam: dict[str, Any] = Field(default_factory=dict, description="a section with the scorer's hyperparameters")
    scorer: Text = Field(default=None, description="text, the name of a scorer")
    embedder: Text = Field(default=None, description="text, the name of an embedder")
    guard: float | Literal["auto", "none"] | None = Field(
        default=None,
        description="auto, none, or a number above 0 and at most 0.1, the share of ordinary queries that may be taken "
        "for strangers, such as 0.02",
    )
    seed: int | None = Field(default=None, ge=0, description="an integer >= 0")
    data: Data = Field(default_factory=DataSection, description=_DATA)
    data_path: Data | None = Field(default=None, description=_DATA)
    calibration: CalibrationSection | None = Field(default=None, description="a section with one target")
    model_path: ModelPaths = Field(default_factory=ModelPaths, description="a section with paths")
    small: Model = Field(default_factory=ModelSection, description=_MODEL)
    large: Model = Field(default_factory=ModelSection, description=_MODEL)
    api_endpoint: Text = Field(default=None, description="text, the base_url of a model that has none of its own")

    @field_validator("guard", mode="before")
    @classmethod
    def _is_a_guard(cls, value: Any) -> Any:
        try:
            check_guard(None if value == "none" else value)
        except ConfigError:
            raise PydanticCustomError("guard", "not a guard") from None
        return value

    @model_validator(mode="after")
    def _merge(self) -> Config:
        if self.data_path is not None:
            if self.data != DataSection():
                raise ValueError("data and data_path are the same thing; give one of them")
            self.data = self.data_path
        first = self.model_path.ini_model_path
        if first and Path(first).exists():
            raise ValueError(f"model_path.ini_model_path: going on from {first} is not supported; remove this key")
        if "random_state" in self.hparam:
            seed = self.hparam.pop("random_state")
            if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
                raise ValueError(f"hparam.random_state is {found(seed)}; allowed: an integer >= 0")
            if self.seed is not None and self.seed != seed:
                raise ValueError(f"seed is {self.seed} and hparam.random_state is {seed}; give one of them")
            self.seed = seed
        return self
