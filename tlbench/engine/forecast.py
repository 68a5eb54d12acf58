"""What work will take here, from timed steps and readings and from how much there is of each."""

from dataclasses import dataclass

from tlbench.curve import evaluation_steps
from tlbench.engine.tuning import Tuned
from tlbench.trials import Outline, Trial, n_validated
from tlbench.workspace import Workspace

OVERHEAD = 0.02  # seconds of a job beside what is timed: what it is sent, what is written
FIT, FIT_A_VALUE = 0.01, 2e-6  # seconds of a readout's fit, and of each number that it sees
START = 0.5  # of building a network: what each training takes beforehand, a copy of it above all
RUN_ON = 2  # budgets that an arm is run on for at least, to see whether it stands still
WARM_UP_STEPS = 2  # of each training: a copy of the network, a first step


@dataclass(frozen=True)
class Size:
    """How much there is of what takes time: items of each kind, steps of `batch` items, trainings of so many steps.

    longer: steps of the best one's training beyond the budget.
    """

    n_train: int
    n_val: int
    n_test: int
    batch: int
    steps: int
    trainings: int
    longer: int = 0

    def passes(self, tuned: Tuned) -> float:
        """Seconds of reading every item once."""
        return sum(tuned.read_seconds(n) for n in (self.n_train, self.n_val, self.n_test))


def size_of(trial: Trial, parts: Outline, workspace: Workspace, *, plain: bool = False) -> Size:
    """A trial's; where it is run on, that of the least that it takes; plain: as it is timed, within the budget."""
    conditions = trial.conditions
    budget, target = conditions.budget, conditions.target
    test = target.dataset.split("test", workspace)
    return Size(
        n_train=target.n_train,
        n_val=n_validated(conditions, workspace),
        n_test=len(test) - len(conditions.left_out),
        batch=budget.batch(target.n_train),
        steps=budget.steps,
        trainings=len(budget.learning_rates) * parts.candidates,
        longer=RUN_ON * budget.steps if conditions.run_on and not plain else 0,
    )


def trial_seconds(size: Size, parts: Outline, whole: Tuned, own: Tuned, *, prefixed: bool) -> float:
    """Of a trial alone; whole, own: the network's timing, and that of the part behind what the trial freezes.

    prefixed: the frozen part is run once for each item, not at every step.
    """
    fixed = OVERHEAD + whole.building / 1000
    if parts.unfrozen is None:
        return fixed + size.passes(whole) + _fits(size, parts)
    passed = max(0.0, size.passes(whole) - size.passes(own))  # all items through the frozen part
    read, step = (own if prefixed else whole), own.step_seconds(size.batch)
    if not prefixed:
        step += max(0.0, whole.read_seconds(size.batch) - own.read_seconds(size.batch))

    def training(steps: int, readings: int) -> float:
        reading = readings * read.read_seconds(size.n_val)
        return START * whole.building / 1000 + (steps + WARM_UP_STEPS) * step + reading

    trained = size.trainings * training(size.steps, len(evaluation_steps(size.steps)))
    trained += training(size.longer, 2) if size.longer else 0.0
    return fixed + passed * prefixed + trained + read.read_seconds(size.n_test)


def _fits(size: Size, parts: Outline) -> float:
    """A readout without a grid is a mere look at the outputs."""
    n_fits = min(parts.readouts, size.trainings) if parts.readouts > 1 else 0
    return n_fits * (FIT + FIT_A_VALUE * size.n_train * parts.features)


def pretraining_seconds(items: int, batch: int, checked: int, tuned: Tuned) -> float:
    """Of training a source on so many items, repeats counted, with evaluations on `checked` ones."""
    steps = max(1, items // batch)
    evaluations = len(evaluation_steps(steps)) + 1
    return OVERHEAD + steps * tuned.step_seconds(batch) + evaluations * tuned.read_seconds(checked)
