"""What is public stays public."""

import hybrid_router_core


def test_all_is_what_is_there_sorted():
    assert hybrid_router_core.__all__ == sorted(hybrid_router_core.__all__)
    for name in hybrid_router_core.__all__:
        assert hasattr(hybrid_router_core, name)


def test_the_names_of_the_design_are_there():
    assert {"HybridRouter", "RoutingDataset", "RoutingDecision"} <= set(hybrid_router_core.__all__)
