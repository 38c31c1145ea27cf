"""Which of the six questions a log can answer, and what decides it. docs/coverage.md states the rules; this is the one place that applies them."""

from collections.abc import Iterable, Mapping

from .parts import Answer, InputCoverage

ENOUGH = 0.99
"""A share from which `yes` is said."""


def percent(n: int, of: int) -> str:
    """A share as text: 100 % and 0 % are said of all and of none alone."""
    if not of:
        return "0 %"
    share = 100 * min(n, of) / of
    near = min(max(round(share), 1), 99) if 0 < n < of else round(share)
    return f"{near} %"


def answers(part: InputCoverage) -> tuple[Answer, ...]:
    """The answers of one file, or of all."""
    one, two, chains = _states(part), _routes(part), _conversations(part)
    return (one, two, _policy(part, one, two), chains, _sessions(part, chains), _again(part))


def _enough(n: int, of: int) -> bool:
    return of > 0 and n >= ENOUGH * of


def _grade(number: int, yes: bool, some: bool, *why: str, lacks: Iterable[str] = ()) -> Answer:
    answer = "yes" if yes else "partly" if some else "no"
    return Answer(number, answer, "; ".join(w for w in why if w), () if yes else tuple(dict.fromkeys(lacks)))


def _lacking(part: InputCoverage, of: int, *names: str) -> list[str]:
    return [name for name in names if not _enough(part.fields[name], of)]


def _most(counts: Mapping[str, int], shown: int = 3) -> str:
    first = sorted(counts.items(), key=lambda kv: (-kv[1], kv[0]))
    more = ", …" if len(first) > shown else ""
    return ", ".join(f"{name} ({n:,})" for name, n in first[:shown]) + more


def _states(part: InputCoverage) -> Answer:
    unknown, rejected = part.states.get("unknown", 0), sum(part.rejected.values())
    rows = part.calls + rejected
    decided = rows - unknown - rejected - part.strange
    bodies = part.bodies
    lost = {state: n for state, n in bodies.items() if state != "full"}
    unseen = ", ".join(f"{percent(n, part.calls)} {state}" for state, n in sorted(lost.items(), key=lambda kv: -kv[1]))
    proves_less = part.calls - part.grades.get("wire", 0)
    return _grade(
        1,
        _enough(decided, rows),
        decided > 0,
        f"{percent(decided, rows)} of {rows:,} records are decided" if rows else "there is no record",
        f"{unknown:,} are unknown and lack {_most(part.missing)}" if unknown else "",
        f"in {part.strange:,} nothing looks like a call of a known API" if part.strange else "",
        f"{rejected:,} could not be read" if rejected else "",
        f"of the bodies, {unseen}: what is unseen there can't be ruled out" if unseen and unknown else "",
        f"{percent(proves_less, part.calls)} are normalised or metadata, where what is not seen proves nothing"
        if proves_less and unknown
        else "",
        lacks=part.missing,
    )


def _routes(part: InputCoverage) -> Answer:
    provider, family, asked = part.fields["provider"], part.fields["model_family"], part.asked
    return _grade(
        2,
        _enough(provider, part.calls) and _enough(family, asked),
        provider + family > 0,
        f"the provider is known of {percent(provider, part.calls)} of {part.calls:,} rows",
        f"the host of {percent(part.fields['host'], part.calls)}",
        f"the region of {percent(part.fields['region'], part.calls)}",
        f"the model family of {percent(family, asked)} of the {asked:,} that may be inference",
        lacks=[*_lacking(part, part.calls, "provider"), *_lacking(part, asked, "model_family")],
    )


def _policy(part: InputCoverage, states: Answer, routes: Answer) -> Answer:
    times, timed = part.times, part.times.rows
    loose = part.clocks.get("naive", 0) + part.clocks.get("date", 0)
    fine = not times.gap_count and part.complete and (not loose or _enough(part.read - loose, part.read))
    return _grade(
        3,
        _enough(timed, part.calls) and fine and states.answer == routes.answer == "yes",
        timed > 0 and not states.answer == routes.answer == "no",
        f"{percent(timed, part.calls)} of the rows have a time",
        f"states are known: {states.answer}, routes: {routes.answer}",
        f"{times.gap_count:,} {'gap' if times.gap_count == 1 else 'gaps'}: what was called there is not known" if times.gap_count else "",
        f"{percent(loose, part.read)} of the times name no zone and count as UTC" if loose else "",
        "an input is not whole" if not part.complete else "",
        lacks=[*_lacking(part, part.calls, "time"), *states.lacks, *routes.lacks],
    )


def _conversations(part: InputCoverage) -> Answer:
    chains, asked, fields = part.fields["chain_in"], part.asked, part.fields
    held = fields["previous_id"] + fields["conversation_id"]
    follows = not fields["previous_id"] or _enough(fields["response_id"], asked)
    return _grade(
        4,
        _enough(chains, asked) and follows,
        chains + held > 0,
        f"{percent(chains, asked)} of the {asked:,} rows that may be inference show their turns, so that replayed history links them",
        f"{fields['previous_id']:,} name an earlier response, {fields['conversation_id']:,} a conversation at the server",
        "" if follows else f"only {percent(fields['response_id'], asked)} have the response id that these point to",
        f"{fields['session_label']:,} have a label, which names a group and not who held its memory" if fields["session_label"] else "",
        lacks=[*_lacking(part, asked, "chain_in"), *([] if follows else ["response_id"])],
    )


def _sessions(part: InputCoverage, chains: Answer) -> Answer:
    timed, fields = part.times.rows, part.fields
    named = fields["session_label"] + fields["conversation_id"] + fields["previous_id"]
    return _grade(
        5,
        chains.answer == "yes" and _enough(timed, part.calls) and named > 0,
        chains.answer != "no" or (timed > 0 and fields["request_id"] > 0),
        f"chains can be followed: {chains.answer}",
        f"{percent(timed, part.calls)} of the rows have a time, {percent(fields['request_id'], part.calls)} a request id: "
        "by these, calls beneath a front door are found"
        if timed and fields["request_id"]
        else "without times and ids no call can be laid beneath another",
        f"{named:,} labels, conversation ids and earlier responses name a session" if named else "nothing names a session",
        lacks=[*chains.lacks, *_lacking(part, part.calls, "time", "request_id"), *([] if named else ["session_label"])],
    )


def _again(part: InputCoverage) -> Answer:
    piped, changed = part.piped, "input_changed" in part.file_flags
    return _grade(
        6,
        not piped and not changed,
        not changed,
        "the same bytes give the same rows, whatever the threads, the names and the packing",
        "standard input can't be read again: keep its bytes" if piped else "",
        "a file changed while it was read" if changed else "",
        "what is missing of an input that is not whole is missing again" if not part.complete else "",
    )
