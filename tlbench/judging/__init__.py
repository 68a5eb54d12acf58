"""From records to verdicts, changes between runs and the gate, without torch.

Rooms of its own: `verdict`, `changes`, `figures`, `report`; what draws stays behind the doors of the last two.
"""

from tlbench.judging import stats
from tlbench.judging.accepted import (
    Accepted,
    ProtocolChangedError,
    accepted_of,
    finished,
    named,
    read_accepted_or_run,
    write_accepted,
)
from tlbench.judging.gate import HELD, NOTHING_ACCEPTED, PROTOCOL_CHANGED, Demands, Gate, check_code, check_gate
from tlbench.judging.power import Pilot, choose, outlook, pilot_of
from tlbench.judging.simulation import Scenario, any_flag, coverage, noise, shares, simulate
from tlbench.judging.stats import Floats
from tlbench.judging.verdict import target_scores

__all__ = [
    "HELD",
    "NOTHING_ACCEPTED",
    "PROTOCOL_CHANGED",
    "Accepted",
    "Demands",
    "Floats",
    "Gate",
    "Pilot",
    "ProtocolChangedError",
    "Scenario",
    "accepted_of",
    "any_flag",
    "check_code",
    "check_gate",
    "choose",
    "coverage",
    "finished",
    "named",
    "noise",
    "outlook",
    "pilot_of",
    "read_accepted_or_run",
    "shares",
    "simulate",
    "stats",
    "target_scores",
    "write_accepted",
]
