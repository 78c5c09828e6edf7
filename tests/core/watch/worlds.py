"""Simulated live traffic: calls between labels, and what a label says."""

from __future__ import annotations

import numpy as np

from hybrid_router_core.watch import Watch


class World:
    """Right or wrong answers, or graded ones, with a known mean drop a call."""

    def __init__(self, share=0.4, probability=0.1, better=0.06, graded=False, uneven=False):
        self.share, self.probability, self.better, self.graded, self.uneven = share, probability, better, graded, uneven

    @property
    def smallest(self):
        return 0.02 if self.uneven else self.probability

    def labels(self, rng, n, drop):
        """n labels: (calls to large, calls to small without a label, small's quality, large's, probability)."""
        mean = drop / self.share
        if self.uneven:
            chances = np.exp(rng.uniform(np.log(0.02), np.log(0.2), 16 * n + 200))
            chosen = np.flatnonzero(rng.random(len(chances)) < chances)[:n]
            between, chances = np.diff(chosen, prepend=-1) - 1, chances[chosen]
        else:
            between, chances = rng.geometric(self.probability, n) - 1, np.full(n, self.probability)
        large = rng.negative_binomial(between + 1, self.share)
        if self.graded:
            loss = np.clip(rng.normal(mean, 0.15, n), -1, 1)
        else:
            loss = rng.choice([-1.0, 0.0, 1.0], n, p=[self.better, 1 - 2 * self.better - mean, mean + self.better])
        columns = large, between, np.maximum(-loss, 0), np.maximum(loss, 0), chances
        return zip(*(column.tolist() for column in columns), strict=True)

    def feed(self, watch, rng, n, drop):
        """Tell the watch of n labels and the calls between; True if it was ever broken, and if it ever held."""
        broken = held = False
        for large, between, small_quality, large_quality, probability in self.labels(rng, n, drop):
            watch.to_large(large)
            watch.to_small(between)
            state = watch.label(small_quality, large_quality, probability)
            broken, held = broken or state == "broken", held or state == "holds"
            if broken:
                break
        return broken, held

    def watch(self, limit=0.05, **settings):
        return Watch(limit, smallest_probability=self.smallest, **settings)
