"""An OpenAPI description of the dialect: `python -m services.query.bazaarvoice.openapi [--check]` writes docs/openapi.

Made of the tables that requests are read by, so that it names every parameter, attribute, field and limit there is.
What OpenAPI cannot say is that names, attributes and operators are read in any case.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from services.query.bazaarvoice import openapi_contents, openapi_display, openapi_responses, openapi_submission
from services.query.bazaarvoice.conversations import PREFIX, SUBMISSION
from services.query.bazaarvoice.question import Endpoint

FILE = Path(__file__).parents[3] / "docs" / "openapi" / "bazaarvoice.json"


def document() -> dict[str, object]:
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Plaudit as Bazaarvoice's Conversations API",
            "version": "5.4",
            "description": (
                "Names of parameters and fields, attributes and operators are read in any case; of a name that is sent "
                "several times the first counts, unless it is an array here. What is wrong with a request is told with "
                "HTTP 200 and `HasErrors`. Dimensions are those of the site's vocabulary."
            ),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": {
            **{f"{PREFIX}/{endpoint}": {"get": openapi_display.operation(endpoint)} for endpoint in Endpoint},
            **{f"{PREFIX}/{name}": openapi_submission.operations(endpoint) for name, endpoint in SUBMISSION.items()},
            **openapi_responses.paths(),
        },
        "components": {
            "schemas": {
                **openapi_contents.schemas(),
                **openapi_display.schemas(),
                **openapi_submission.schemas(),
                **openapi_responses.schemas(),
            },
            "securitySchemes": {
                "PassKey": {"type": "apiKey", "in": "query", "name": "PassKey"},
                "ApiKey": {"type": "http", "scheme": "bearer", "description": "An API key with the scope `reply`."},
            },
        },
    }


def text() -> str:
    return json.dumps(document(), indent=1, ensure_ascii=False) + "\n"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m services.query.bazaarvoice.openapi", description=__doc__)
    parser.add_argument("--file", type=Path, default=FILE)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit code 1 when the file is not as generated"
    )
    options = parser.parse_args(arguments)
    if not options.check:
        options.file.parent.mkdir(parents=True, exist_ok=True)
        options.file.write_text(text())
    elif not options.file.is_file() or options.file.read_text() != text():
        sys.stderr.write(f"not as generated, run `{parser.prog}`: {options.file}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
