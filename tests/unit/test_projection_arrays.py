from __future__ import annotations

from services.projection.arrays import keyed, numbered, numbers, texts


def test_numbers() -> None:
    assert numbers([1, None, -2, True, False]) == "{1,null,-2,True,False}"
    assert numbers([]) == "{}"


def test_texts_are_quoted() -> None:
    assert texts(["a", "", "null"]) == '{"a","","null"}'
    assert texts(['say "hi"', "back\\slash", "{a,b}"]) == '{"say \\"hi\\"","back\\\\slash","{a,b}"}'
    assert texts(['","']) == '{"\\",\\""}'
    assert texts([]) == "{}"


def test_sites_are_numbered() -> None:
    assert numbered([("b", 1), ("a", 2), ("b", 3)]) == [["a", "b"], "{2,1,2}", "{1,2,3}"]


def test_keys_then_numbers() -> None:
    assert keyed([("a", "b", 1), ("c", "d", 2)], 2) == ['{"a","c"}', '{"b","d"}', "{1,2}"]
