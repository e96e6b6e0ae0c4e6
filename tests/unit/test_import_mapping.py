"""Mapping files, and the messages for those that are wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from services.cli.importing.detail_kinds import band_names
from services.cli.importing.errors import ImportProblem
from services.cli.importing.mapping import Column, Detail, Mapping, Template, Value, read_mapping

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "womens-clothing.yaml"


def parse(tmp_path: Path, text: str) -> Mapping:
    path = tmp_path / "mapping.yaml"
    path.write_text(text)
    return read_mapping(path)


def test_every_form_of_a_field(tmp_path: Path) -> None:
    mapping = parse(
        tmp_path,
        """
source: old-shop
source_id: {template: "{shop}-{no}"}
fields:
  rating: 2024          # a column can have any name: no and 2024 are no boolean and no number here
  title: no
  locale: {value: en}
  review_date: {column: date, format: "%d-%b-%y"}
  entity_name: {template: "{Class Name} {{{id}}}"}
skip_when_empty: [title]
""",
    )
    assert mapping == Mapping(
        fields={
            "rating": Column("2024"),
            "title": Column("no"),
            "locale": Value("en"),
            "review_date": Column("date", "%d-%b-%y"),
            "entity_name": Template((("", "Class Name"), (" {", None), ("", "id"), ("}", None))),
        },
        source="old-shop",
        source_id=Template((("", "shop"), ("-", "no"))),
        skip_when_empty=("title",),
    )


def test_the_example_is_a_mapping() -> None:
    mapping = read_mapping(EXAMPLE)
    assert mapping.source == "womens-clothing"
    assert mapping.fields["author_id"] == mapping.source_id == Column("row")
    assert mapping.skip_when_empty == ("text",)
    assert ("entity_name", "{Class Name} {Clothing ID}") in mapping.describe()
    assert (
        "details.context_data.Age",
        "column Age, in bands under18, 18to24, 25to34, 35to44, 45to54, 55to64, 65plus",
    ) in mapping.describe()


def test_the_bands_of_the_example_are_what_its_vocabulary_names() -> None:
    (age,) = (detail for detail in read_mapping(EXAMPLE).details if detail.bands)
    vocabulary = YAML(typ="safe", pure=True).load(EXAMPLE.with_name("womens-clothing-vocabulary.yaml"))
    (term,) = (term for term in vocabulary["context_data"] if term["id"] == age.path[-1])
    assert tuple(term["value_labels"]) == band_names(age.bands)


def test_every_form_of_a_detail(tmp_path: Path) -> None:
    mapping = parse(
        tmp_path,
        """
fields: {rating: R}
details:
  pros: Pros
  photos: {column: Photos, separator: " "}
  tags: {Pro: {column: Tags, separator: "|"}, separator: S}
  badges: {Staff: {column: Staff, kind: Affiliation}}
  context_data:
    2024: no
    Age: {column: Age, bands: [18, 25]}
  syndication: {name: {value: other.example}}
""",
    )
    assert mapping.details == (
        Detail(("pros",), Column("Pros")),
        Detail(("photos",), Column("Photos"), separator=" "),
        Detail(("tags", "Pro"), Column("Tags"), separator="|"),
        Detail(("tags", "separator"), Column("S")),
        Detail(("badges", "Staff"), Column("Staff"), kind="Affiliation"),
        Detail(("context_data", "2024"), Column("no")),
        Detail(("context_data", "Age"), Column("Age"), bands=(18, 25)),
        Detail(("syndication", "name"), Value("other.example")),
    )
    assert ("details.tags.Pro", "column Tags, separated by '|'") in mapping.describe()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the mapping is empty"),
        ("source: x", "line 1: `fields:` is missing"),
        ("fields:\n  title: T", "line 2: `rating` is missing"),
        ("fields:\n  rating: R\n  txt: T", "line 3: `txt` is not known here; known are author_email"),
        ("fields:\n  rating: R\n  rating: S", "line 3: `rating` is here twice"),
        ("fields:\n  rating:\n", "line 2: `rating` has no value"),
        ("fields:\n  rating: {column: a, value: b}", "line 2: `rating` needs one of"),
        ("fields:\n  rating: {colum: a}", "line 2: `colum` is not known"),
        ("fields:\n  rating: {column: R, format: '%d'}", "line 2: format is for the column of review_date"),
        ("fields:\n  rating: R\n  title: {template: 'x'}", "line 3: the template names no column"),
        ("fields:\n  rating: R\n  title: {template: '{a!r}'}", "line 3: a template knows"),
        ("fields:\n  rating: R\n  title: {template: '{a'}", "line 3: expected '}'"),
        ("fields:\n  rating: R\nskip_when_empty: [text]", "line 3: skip_when_empty names `text`"),
        ("fields:\n  rating: R\nsource_id: {value: x}", "line 3: source_id must differ"),
        (
            "fields: {rating: R}\ndetails:\n  pro: P",
            "line 3: `pro` is not known here; known are additional_fields, aff",
        ),
        ("fields: {rating: R}\ndetails: [pros]", "line 2: this must be a mapping of additional_fields, affiliation"),
        ("fields: {rating: R}\ndetails: {tags: T}", "line 2: this must be a mapping of ids to columns"),
        ("fields: {rating: R}\ndetails: {context_data: {Your age: A}}", "line 2: `Your age` is no id"),
        (
            "fields: {rating: R}\ndetails: {votes_before: {total: A}}",
            "line 2: `total` is not known here; known are ina",
        ),
        ("fields: {rating: R}\ndetails: {pros: {column: P, separator: x}}", "line 2: `separator` is not known here"),
        ("fields: {rating: R}\ndetails: {pros: {column: P, format: x}}", "line 2: format is for the column of review"),
        (
            "fields: {rating: R}\ndetails: {tags: {Pro: {column: P, separator: ''}}}",
            "line 2: the separator must be one",
        ),
        ("fields: {rating: R}\ndetails: {tags: {Pro: {column: P, separator: [a]}}}", "line 2: the separator must be"),
        ("fields: {rating: R}\ndetails: {tags: {Pro: {column: P, bands: [1]}}}", "line 2: `bands` is not known here"),
        (
            "fields: {rating: R}\ndetails: {context_data: {A: {column: P, bands: 18}}}",
            "line 2: bands must be whole num",
        ),
        (
            "fields: {rating: R}\ndetails: {context_data: {A: {column: P, bands: []}}}",
            "line 2: bands must be whole num",
        ),
        (
            "fields: {rating: R}\ndetails: {context_data: {A: {column: P, bands: [x]}}}",
            "line 2: bands must be whole nu",
        ),
        ("fields: {rating: R}\ndetails: {context_data: {A: {column: P, bands: [[1]]}}}", "line 2: bands must be whole"),
        ("fields: {rating: R}\ndetails: {context_data: {A: {column: P, bands: [25, 18]}}}", "line 2: bands must grow"),
        ("fields: {rating: R}\ndetails: {badges: {A: {column: P, kind: Gold}}}", "line 2: kind must be one of Custom"),
        (
            "fields: {rating: R}\ndetails: {badges: {A: {column: P, kind: [Rank]}}}",
            "line 2: kind must be one of Custom",
        ),
        ("fields: {rating: R}\ndetails: {pros: P, pros: Q}", "line 2: `pros` is here twice"),
        ("fields: [rating]", "line 1: this must be a mapping"),
        ("fields:\n  rating: [\n", "line 3: not YAML"),
        ("fields:\n\trating: R", "line 2: not YAML"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ImportProblem) as caught:
        parse(tmp_path, text)
    assert message in str(caught.value)
    assert "mapping.yaml" in str(caught.value)


def test_a_comment_more_does_not_make_it_another_mapping(tmp_path: Path) -> None:
    one = parse(tmp_path, "fields:\n  rating: R\n  title: {template: '{T}'}")
    two = parse(tmp_path, "# why\nfields:\n  # why\n  rating: R\n  title: {template: '{T}'}")
    assert repr(one) == repr(two)
