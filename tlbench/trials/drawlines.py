"""How a target's items are drawn, in lines: how many in all, whether anew for each seed, and what that limits."""

from tlbench.dataset import Target
from tlbench.source import Source
from tlbench.training import Pretrained
from tlbench.trials.conditions import Conditions
from tlbench.trials.draws import indices_of
from tlbench.trials.plan import Plan
from tlbench.workspace import Workspace

OVERLAPPING = 0.2  # share of the pool that draws take, from which it is said that they overlap
FEW = 100  # items validated on, below which the choice of a learning rate is a matter of luck


def n_validated(conditions: Conditions, workspace: Workspace) -> int:
    """How many items the first seed validates on; with whole groups, others a few more or less."""
    name = "validated", conditions.target, conditions.root_seed
    return workspace.cached(name, lambda: len(indices_of(conditions, 0, workspace).validation))


def draw_lines(conditions: Conditions, plan: Plan, workspace: Workspace) -> list[str]:
    """What a reader must know of a target's draws."""
    target = conditions.target
    pool, test = (target.dataset.split(name, workspace) for name in ("train", "test"))
    warm = dict.fromkeys(cell.source.label for cell in plan.cells if cell.source and _redrawn(cell.source, target))
    n_train, n_val, mode = target.n_train, n_validated(conditions, workspace), target.mode(pool)
    about = "about " if pool.groups is not None and not target.n_val else ""
    uses = f"trains on {n_train} items and validates on {about}{n_val}"
    said = [f"{uses}: {about}{n_train + n_val} labelled items of the {len(pool)} there are"]
    if n_val < FEW:
        said.append(f"{n_val} items to validate on are few, and choosing on them favours arms that need no choice")
    share = n_train / len(pool)
    if mode == "all":
        said.append("one draw for every seed: verdicts are about these images")
        said += [f"source {name} draws items of its own for each seed, not the first of these" for name in warm]
    elif share > OVERLAPPING:
        said.append(f"each draw takes {share:.0%} of the pool, so the draws overlap")
    return [*pool.notes, *test.notes, *(f"target {target.label}: {line}" for line in said)]


def _redrawn(source: Source, target: Target) -> bool:
    """Whether a source is trained on a part of the target's dataset that is another for each seed."""
    return (
        isinstance(source, Pretrained) and source.dataset == target.dataset and source.varies and bool(source.n_train)
    )
