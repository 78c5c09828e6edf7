"""A small problem with a known answer, and a router trained on it."""

import pytest

from hybrid_router_core import HybridRouter, RoutingDataset

EASY = ("What is the capital of {}?", "Name the currency of {}.", "Which language do people speak in {}?")
HARD = (
    "Prove that the ring of integers of {} is a Dedekind domain.",
    "Derive the gradient of the loss of {} with respect to its weights.",
    "Write a lock-free queue in {} and show that it is linearizable.",
)
NAMES = [
    f"{first}{last}"
    for first in ("Alb", "Bor", "Cal", "Den", "Est", "Fin", "Gal")
    for last in ("ania", "neo", "ia", "land")
]


def toy_records():
    """Small is right on easy questions and wrong on hard ones; large is right on both."""
    return [
        {"query": form.format(name), "small_quality": quality, "large_quality": 1.0, "group": group}
        for name in NAMES
        for group, quality, forms in (("easy", 1.0, EASY), ("hard", 0.0, HARD))
        for form in forms
    ]


@pytest.fixture(scope="session")
def toy():
    """168 queries."""
    return RoutingDataset.from_records(toy_records())


@pytest.fixture(scope="session")
def parts(toy):
    """Train, calibration and test."""
    return toy.split((0.5, 0.25, 0.25), seed=0)


@pytest.fixture(scope="session")
def trained(parts):
    """Do not change it; see `router`."""
    return HybridRouter(mode="deterministic").fit(parts[0])


@pytest.fixture
def router(trained, tmp_path_factory):
    """A router of one's own."""
    return HybridRouter.load(trained.save(tmp_path_factory.mktemp("trained")))
