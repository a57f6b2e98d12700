from __future__ import annotations

import csv

from cnnviz.ui.shared.charts import as_csv


def test_the_file_has_the_titles_and_every_number_as_it_is() -> None:
    text = as_csv({"epoch": [1, 2], '准确率, "test"': [0.1, None]})
    assert text.startswith("\ufeff")  # without it a spreadsheet takes Chinese for another encoding
    assert list(csv.reader(text[1:].splitlines())) == [
        ["epoch", '准确率, "test"'],
        ["1", "0.1"],
        ["2", ""],
    ]
