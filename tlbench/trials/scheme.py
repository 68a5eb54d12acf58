"""What is fixed before any result: whether arms and baselines are paired, and the looks with their levels."""

from dataclasses import dataclass, replace

from tlbench.errors import TlbenchError
from tlbench.runfile import LOOKS, SURPLUS, WEIGHTS, Pairing, Run
from tlbench.streams import key
from tlbench.suite import Suite

PILOT = "pilot"  # a run that decides the pairing of another
UNPAIRED = f"the default: {SURPLUS} baseline seeds for each of an arm's; a pilot says whether pairing would see more"


@dataclass(frozen=True)
class Scheme:
    """The design of a run, as its `run.json` keeps it.

    why: the design is what it is. looks, weights: seeds at each look and the share of the level it may spend. reported:
    at how many seeds verdicts have been shown; late: at the full level, before further looks were asked for. open: a
    pilot has still to decide the pairing.
    """

    pairing: Pairing
    why: str
    looks: tuple[int, ...]
    weights: tuple[float, ...]
    reported: tuple[int, ...] = ()
    late: bool = False
    open: bool = False

    @property
    def surplus(self) -> int:
        """Baseline seeds for each seed of an arm."""
        return SURPLUS if self.pairing == "welch" else 1

    def paired_by(self, pairing: Pairing, why: str) -> "Scheme":
        """The same once a pilot has decided."""
        return replace(self, pairing=pairing, why=why, open=False)


def scheme_of(suite: Suite, begun: Run | None) -> Scheme:
    """A suite's scheme, in a folder where a run was begun already or not.

    Raises:
        TlbenchError: the run was begun in another design, or so many looks were reported that no level is left.
    """
    asked = suite.verdict.pairing
    if begun is None:
        pairing: Pairing = "welch" if asked == "pilot" else asked
        why = UNPAIRED if pairing == "welch" else "the suite's choice"
        return Scheme(pairing, why, suite.looks, suite.weights, open=asked == "pilot")
    pairing = begun.verdict.pairing
    if asked not in ("pilot", pairing):
        raise TlbenchError(
            f'this run was begun with pairing = "{pairing}", and the suite asks for "{asked}"; a design is fixed '
            "before the first trial: run into another folder, or start afresh"
        )
    looks, weights, late = _looks(suite, begun)
    return Scheme(pairing, begun.design, looks, weights, begun.reported, late or begun.late)


def _looks(suite: Suite, begun: Run) -> tuple[tuple[int, ...], tuple[float, ...], bool]:
    """Looks, weights, and whether verdicts were shown at the full level before looks were asked for beyond them.

    Raises:
        TlbenchError: no level is left for another look.
    """
    shown = begun.reported
    if not shown or set(shown) <= set(suite.looks):
        return suite.looks, suite.weights, len(suite.looks) > 1 and begun.weights == (1.0,) and bool(shown)
    every = {*shown, *suite.looks}
    if every <= set(LOOKS):
        return LOOKS, WEIGHTS, True
    looks = tuple(sorted({*shown, *(look for look in suite.looks if look > max(shown))} | {suite.looks[0]}))
    if len(looks) > len(WEIGHTS):
        raise TlbenchError(
            f"verdicts were shown here at {', '.join(map(str, shown))} seeds, and no level is left for another look; "
            "run into another folder under another root seed"
        )
    return looks, WEIGHTS[: len(looks)], True


def pilot_suite(suite: Suite) -> Suite:
    """The same cells under another root seed, so that none of its trials is the suite's: what decides the pairing."""
    settings = suite.verdict.model_copy(update={"pairing": "paired"})
    changes = {"root_seed": key(suite.root_seed, PILOT) % 2**31, "seeds": suite.looks[0], "verdict": settings}
    return suite.model_copy(update=changes | {"controls": False, "similarities": []})
