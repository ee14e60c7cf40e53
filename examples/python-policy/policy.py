"""A policy by frequency and recency of writes, as the literature on workload-aware scheduling has it.

What reached the disk twice or more in the time in which a busy block does three times is put off. Of
the rest, what lies where the guest has not written lately is sent first. Block for block it plans as
the built-in policy `history`.
"""
from blocks import EMPTY, decode, in_two_of, union_of
from plugin import serve

USUAL_EXPIRE_MS = 30_000
QUIET_MS = HORIZON_MS = 1_800_000
SHORTEST_SPAN_MS = 2000
AGE_PER_LENGTH = 8
NEIGHBOURS = 1024
BUSY = (1, 16, 128)


class History:
    """Spans of time with what was written and touched in each; a span is an eighth as long as it is old."""

    def __init__(self):
        self.spans = []

    def record(self, blocks, at, kind):
        written = blocks if kind == "written" else EMPTY
        self.spans.append((at, at, written, blocks))
        kept = []
        for span in self.spans:
            start, end, written, touched = span
            if end < at - HORIZON_MS:
                continue
            longest = max(SHORTEST_SPAN_MS, (at - end) / AGE_PER_LENGTH)
            if kept and end - kept[-1][0] < longest:
                before = kept[-1]
                kept[-1] = (before[0], end, before[2].union(written), before[3].union(touched))
            else:
                kept.append(span)
        self.spans = kept

    def touched_within(self, ms, now):
        return union_of(touched for _, end, _, touched in self.spans if end >= now - ms)

    def written_twice_within(self, ms, now):
        return in_two_of(written for _, end, written, _ in self.spans if end >= now - ms)


class Policy:
    def begin(self, params):
        self.candidates, self.history = EMPTY, History()
        return {}

    def plan(self, params):
        self.candidates = updated(self.candidates, params["candidates"])
        for touch in params["touches"]:
            self.history.record(decode(touch["blocks"]), touch["at"], touch["kind"])
        now, budget = params["now"], params["budgetBlocks"]
        window = 3 * params.get("dirtyExpireMs", USUAL_EXPIRE_MS)
        often = self.history.written_twice_within(window, now).intersection(self.candidates)
        send = self.coldest(often, now, budget)
        deferred = [{"reason": "written-often", "blocks": often.encode()}] if often.count else []
        return {"send": send.encode(), "deferred": deferred}

    def coldest(self, deferred, now, budget):
        send = EMPTY
        if self.candidates.count - deferred.count > budget:
            for hot in self.tiers(now):
                excluded = (hot, deferred, send)
                send = send.union(self.candidates.take_outside(excluded, budget - send.count))
                if send.count == budget:
                    return send
        return send.union(self.candidates.take_outside((deferred, send), budget - send.count))

    def tiers(self, now):
        """Sets that shrink: what is outside of an earlier one is colder."""
        touched = self.history.touched_within(QUIET_MS, now)
        for least in BUSY:
            yield touched.with_groups(NEIGHBOURS, least)
        yield touched


def updated(blocks, update):
    """What a set is after a SetUpdate."""
    if "whole" in update:
        return decode(update["whole"])
    if "remove" in update:
        blocks = blocks.difference(decode(update["remove"]))
    return blocks.union(decode(update["add"])) if "add" in update else blocks


def initialize(params):
    reason = {
        "name": "written-often",
        "text": "It is put off: the guest wrote it several times in the last minutes.",
    }
    capabilities = {"policy": {"sets": "changes", "compact": True, "reasons": [reason]}}
    plugin = {"name": "frequency", "version": "1.0"}
    return {"protocol": "1.0", "plugin": plugin, "roles": ["policy"], "capabilities": capabilities}


policy = Policy()
serve(
    {
        "initialize": initialize,
        "shutdown": lambda params: {},
        "policy/begin": policy.begin,
        "policy/plan": policy.plan,
    }
)
