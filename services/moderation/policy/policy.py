"""Policies: ordered rules over facts. The first rule that applies decides; without one the review is approved."""

from collections.abc import Callable
from dataclasses import dataclass

from services.moderation.engine.signal import Category, Detector, Severity, Signal
from services.moderation.policy.codes import ModeratorCode
from services.moderation.policy.verdict import Facts, Status, Verdict

__all__ = ["Facts", "Policy", "Rule", "Verdict", "decide", "default_policy"]

SEVERAL_MILD_WORDS = 3


@dataclass(frozen=True, slots=True)
class Rule:
    """`applies` must be pure and total. A held outcome names its queue; others have none."""

    name: str
    applies: Callable[[Facts], bool]
    status: Status
    codes: tuple[ModeratorCode, ...]
    note: str
    queue: str | None = None

    def __post_init__(self) -> None:
        if (self.status == "held") != (self.queue is not None):
            raise ValueError(f"rule {self.name}: a queue belongs to held reviews and to no others")


@dataclass(frozen=True, slots=True)
class Policy:
    """Decisions cite name and version: a change of any rule is a new version."""

    name: str
    version: int
    rules: tuple[Rule, ...]

    def __post_init__(self) -> None:
        names = [rule.name for rule in self.rules]
        if len(set(names)) != len(names):
            raise ValueError(f"policy {self.name}: two rules of the same name")


def decide(policy: Policy, facts: Facts) -> Verdict:
    """Pure, total and deterministic: the same policy and facts always give the same verdict."""
    for rule in policy.rules:
        if rule.applies(facts):
            codes = tuple(code.value for code in rule.codes)
            return Verdict(rule.status, policy.name, policy.version, rule.name, codes, rule.queue, rule.note)
    return Verdict("approved", policy.name, policy.version, "default", (), None, "Nothing found that needs a look.")


def default_policy() -> Policy:
    return Policy("default", 1, _DEFAULT_RULES)


def _has_grave_words(facts: Facts) -> bool:
    return any(signal.severity in (Severity.STRONG, Severity.SEVERE) for signal in facts.signals)


def _has_possible_slur(facts: Facts) -> bool:
    return any(signal.category is Category.SLUR for signal in facts.signals)


def _has_several_mild_words(facts: Facts) -> bool:
    return (
        len({_spelling(signal) for signal in facts.signals if signal.severity is Severity.MILD}) >= SEVERAL_MILD_WORDS
    )


def _has_contacts(facts: Facts) -> bool:
    return any(signal.category is Category.CONTACT for signal in facts.signals)


def _has_links(facts: Facts) -> bool:
    return any(signal.category is Category.LINK for signal in facts.signals)


def _is_shouted(facts: Facts) -> bool:
    return any(signal.detector is Detector.SHOUTING for signal in facts.signals)


def _is_repeated(facts: Facts) -> bool:
    return any(signal.detector is Detector.REPETITION for signal in facts.signals)


def _needs_approval(facts: Facts) -> bool:
    return facts.require_approval


def _spelling(signal: Signal) -> str:
    return signal.matched.casefold()


_DEFAULT_RULES = (
    Rule(
        "grave-words",
        _has_grave_words,
        "rejected",
        (ModeratorCode.PRF,),
        "Contains strong profanity or a slur.",
    ),
    Rule(
        "possible-slur",
        _has_possible_slur,
        "held",
        (ModeratorCode.PRF,),
        "Contains a word that is a slur in one sense and harmless in another.",
        "profanity",
    ),
    Rule(
        "several-mild-words",
        _has_several_mild_words,
        "held",
        (ModeratorCode.PRF,),
        f"Contains {SEVERAL_MILD_WORDS} or more different mildly profane words.",
        "profanity",
    ),
    Rule(
        "contact-details",
        _has_contacts,
        "held",
        (ModeratorCode.PII,),
        "Contains an e-mail address or a telephone number.",
        "personal-information",
    ),
    Rule("links", _has_links, "held", (ModeratorCode.URL,), "Contains a web address.", "links"),
    Rule("shouting", _is_shouted, "held", (ModeratorCode.IU,), "Is written mostly in capitals.", "style"),
    Rule("repetition", _is_repeated, "held", (ModeratorCode.VAC,), "Says the same thing over and over.", "style"),
    Rule(
        "approval-required",
        _needs_approval,
        "held",
        (),
        "This site approves every review by hand.",
        "approval",
    ),
)
