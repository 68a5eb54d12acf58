"""Fashion-MNIST: pictures of clothes, 28x28 grey, 60,000 + 10,000 (Xiao et al. 2017)."""

from dataclasses import dataclass
from typing import Any, ClassVar

from torchvision.datasets import FashionMNIST

from tlbench.dataset import SplitName
from tlbench.readers import TorchvisionDataset


@dataclass(frozen=True)
class FashionMnist(TorchvisionDataset):
    """Fashion-MNIST: pictures of clothes, 28x28 grey, 60,000 + 10,000 (Xiao et al. 2017)."""

    names: ClassVar[tuple[str, ...]] = (
        "t-shirt",
        "trouser",
        "pullover",
        "dress",
        "coat",
        "sandal",
        "shirt",
        "sneaker",
        "bag",
        "ankle boot",
    )

    def fetch(self, root: str, split_name: SplitName, *, download: bool) -> Any:
        """The torchvision dataset."""
        return FashionMNIST(root, train=split_name == "train", download=download)
