"""Runs of several sides in alternation, with what they say."""
import time

import machine
import report
from process import MOST_OTHERS

PAUSE = 5.0


class Rounds:
    """Keeps all records, in memory and in the file `results`."""

    def __init__(self, args, results):
        self.args = args
        self.results = results
        self.records = []

    def keep(self, record):
        self.records.append(record)
        report.keep(self.results, record)

    def made(self, run, tell, work):
        """The record of `work`, done once more if the machine was busy; a `run` of no round is a probe.
        `tell` is told of every try."""
        tries = []
        for _ in range(2):
            record = run | {"started": machine.now().isoformat(timespec="seconds")} | work()
            record["busy"] = record.get("others_cpus", 0.0) > MOST_OTHERS
            tries.append(record)
            tell(record)
            if run["round"] is None or not record["busy"]:
                break
            time.sleep(PAUSE)
        best = min(tries, key=lambda r: r.get("others_cpus", 0.0))
        for record in tries:
            self.keep(record | {"discarded": record is not best})
        return best

    def alternate(self, sides):
        """Every side in every round; who comes first changes."""
        for i in range(self.args.rounds):
            for side in sides if i % 2 == 0 else sides[::-1]:
                side(i)
