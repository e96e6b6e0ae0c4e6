import pytest
from hypothesis import given

from services.moderation.engine.hints import HINTS, SPAM_HINT
from services.moderation.engine.passage import Passage
from services.moderation.engine.signal import Category, Detector
from services.moderation.engine.spam import MOST_FOUND, find_spam
from services.moderation.engine.spam_rules import SpamRule, parse_spam_rules, spam_rules
from tests.unit.detector_harness import assert_linear, matches, signals, texts

PROMOTION = {
    "https://kettles.example/watch?v=abc123": "bare-link",
    "Repent, the end is near, all is told at www.kettles.example": "preaching",
    "Get free gems here http://gems.example": "freebies",
    "Add my friend code 3344-1122-9988": "code",
    "I have a copy for sale if anybody wants it": "selling",
    "Please visit my shop for better prices": "self-promotion",
    "Join my telegram group for signals": "self-promotion",
    "Nice kettle. Check out my YouTube channel for more kitchen tests!": "self-promotion",
    "Hey guys please check out my new cooking blog": "self-promotion",
    "Come visit our online store for cheaper kettles": "self-promotion",
    "I do covers too, follow me on Instagram @kettlegirl": "self-promotion",
    "PLEASE SUBSCRIBE to my page, thank you": "subscribers",
    "sub to me and i sub back": "subscribers",
    "Best app to get free followers in minutes": "followers",
    "Like this comment if you drink tea": "reactions",
    "Send this message to ten friends or you will have bad luck": "reactions",
    "Great app! Use my referral code and we both get coins": "code",
    "Enter code TEA50 and get free coins when you register": "code",
    "Sign up with my link and get ten dollars": "referral",
    "Works. More pictures, link in my bio": "referral",
    "Click here to claim your prize": "click",
    "DM me for prices": "contact",
    "I have two spare ones, still available, hit me up": "contact",
    "contact him on WhatsApp +1 555 010 9999, he helped me": "contact",
    "I earn $300 a day working from home, ask me how": "earning",
    "Get paid up to 35 an hour from home": "earning",
    "free amazon gift cards here": "earning",
    "I invested 500 dollars with this crypto platform and got profit weekly": "finance",
    "Do you need an urgent loan? Apply today": "finance",
    "best online casino bonus": "gambling",
    "buy cheap viagra": "medicine",
    "a spell caster brought my husband back": "medicine",
    "I am selling copies of the show, email me": "selling",
    "We offer worldwide shipping, order from our website": "selling",
    "hot girls waiting in your area": "adult",
    "please listen to my songs": "audience",
}

CUSTOMERS = (
    "I had a 20% off coupon and the promo price was great",
    "I used promo code SPRING at checkout and saved ten dollars",
    "My promo code did not work and nobody helped me",
    "The shop sent me a referral code that never worked",
    "I subscribe to Prime, and subscribe and save makes it cheaper",
    "You need a paid subscription to watch this channel",
    "The camera will follow me around the room",
    "I follow the brand on Instagram and saw this dress there",
    "I could not use my code at the register",
    "Visit the store and try it on first, their website has bad pictures",
    "Click on the gold swatch to see the colour",
    "Click the link in the app and it crashes",
    "Jesus Christ Superstar on disc, see http://films.example/title",
    "You get free coins at every level",
    "Customer service asked me to message them on Facebook",
    "I work from home, so I wear this all day",
    "I make money selling bread, and this mixer earned its price within a month",
    "It lets me listen to my music and watch my videos in bed",
    "My daughter uses the microphone for her YouTube channel",
    "I sold my old kettle on eBay for more than I paid",
    "It was on sale, buy it now before it is gone",
    "This helps with my weight loss, I lost ten pounds",
    "They gave me a gift card with my order",
    "The loan officer in the film is hilarious, and so is the casino scene",
    "I had to call them and they emailed me a refund",
    "Check my size chart before you order",
    "I would be happy to share this dress with my sister",
    "Please bring this in other colours and let me know by email",
    "The link in the bracelet broke after a day",
    "Free shipping and a free gift, great deal",
    "Check out the back, it has a lovely bow",
    "Thumbs up for the seller",
)


@pytest.mark.parametrize(("text", "detail"), PROMOTION.items())
def test_whoever_lures_readers_away_is_found(text: str, detail: str) -> None:
    found = signals(find_spam, text)
    assert detail in {signal.detail for signal in found}
    assert {(signal.detector, signal.category) for signal in found} == {(Detector.SPAM, Category.SPAM)}


@pytest.mark.parametrize("text", CUSTOMERS)
def test_customers_who_mention_such_things_are_left_alone(text: str) -> None:
    assert matches(find_spam, text) == []


def test_the_promotion_itself_is_marked() -> None:
    assert matches(find_spam, "Lovely! Check out my channel, bye") == ["Check out my channel"]
    assert matches(find_spam, "Prima käse ☕ check out my  Channel…") == ["check out my  Channel"]


def test_names_are_not_judged_and_titles_are() -> None:
    assert matches(find_spam, "check out my channel", field="author_name") == []
    assert matches(find_spam, "check out my channel", field="title") == ["check out my channel"]


def test_signals_are_bounded() -> None:
    assert len(matches(find_spam, "check out my channel. " * 100)) == MOST_FOUND


def test_every_rule_is_looked_for() -> None:
    for place, rule in enumerate(spam_rules()):
        assert rule.hints
        for hint in rule.hints:
            assert HINTS[hint.encode()] & SPAM_HINT << place


@pytest.mark.parametrize("rule", spam_rules(), ids=lambda rule: f"{rule.detail}:{rule.hints[0].strip()}")
def test_what_a_rule_matches_has_one_of_its_hints(rule: SpamRule) -> None:
    """A phrase whose words are in no hint would never be looked for."""
    for text in PROMOTION:
        if rule.pattern.search(text.lower()):
            letters = Passage("text", text).letters.decode()
            assert any(hint in letters for hint in rule.hints), text


def test_the_file_format() -> None:
    (rule,) = parse_spam_rules(
        "# comment\nPET = cats?|dogs?\n\n[pets 0.5]\nhints: my, our_\n^ pat my PET\nfeed PET ?food \\w+\n"
    )
    assert (rule.detail, rule.confidence, rule.hints) == ("pets", 0.5, (" my", " our "))
    assert rule.pattern.search("so cute. pat my dog")
    assert rule.pattern.search("feed  dogfood daily")
    assert rule.pattern.search("i never pat my dog") is None
    assert rule.pattern.search("") is None


@given(texts(*PROMOTION))
def test_spans_are_right_for_any_text(text: str) -> None:
    signals(find_spam, text)


def test_work_is_linear() -> None:
    assert_linear(find_spam)
