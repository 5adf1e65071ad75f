"""What the inspection needs travels with the function (L2.3)."""

from pathlib import Path

import lambdas.inspection
from components.layers import source_files

PACKAGE = Path(lambdas.inspection.__file__).parent


def test_the_functions_archive_carries_every_model() -> None:
    carried = set(source_files(["inspection"]))
    models = [path for path in (PACKAGE / "models").iterdir() if path.is_file()]
    assert len(models) == 3
    for model in models:
        assert f"lambdas/inspection/models/{model.name}" in carried
