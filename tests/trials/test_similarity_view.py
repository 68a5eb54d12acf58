"""The view that similarities get."""

import torch

from tlbench.network import networks
from tlbench.training.items import Encoded
from tlbench.trials.similarity_scores import view

NETWORK = networks.make({"name": "resnet", "width": 4}).build((1, 8, 8), 3)
ITEMS = Encoded(torch.randn(10, 1, 8, 8), torch.arange(10) % 3)


def test_a_view_without_head_or_data_says_so() -> None:
    bare = view(NETWORK, ITEMS, None, has_head=False)
    assert bare.probabilities is None
    assert bare.source_features is None
    assert bare.features.dtype == torch.float64


def test_a_views_probabilities_are_the_heads() -> None:
    full = view(NETWORK, ITEMS, ITEMS, has_head=True)
    assert full.probabilities is not None
    assert torch.allclose(full.probabilities.sum(1), torch.ones(10, dtype=torch.float64))
    assert full.source_features is not None
    assert torch.equal(full.source_features, full.features)
