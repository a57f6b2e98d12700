"""A file that the server has no room for is refused in words, not by a red sign alone."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from benchmarks.serving import Server
from tests.browser.conftest import PATIENCE_MS

PICTURE = {"name": "cat.png", "mimeType": "image/png", "buffer": b"."}


def test_a_file_without_room_gets_a_sentence_as_long_as_it_stands_there(server: Server, page: Page) -> None:
    page.route("**/_stcore/upload_file/**", lambda route: route.fulfill(status=507))
    page.goto(f"{server.url}/filters?checkpoint=untrained-lenet-cifar&view=maps&source=upload")
    page.locator("[data-testid=stFileUploader] input[type=file]").set_input_files(
        PICTURE, timeout=PATIENCE_MS
    )
    sentence = page.get_by_text("There is no room for this file")
    expect(sentence).to_be_visible(timeout=PATIENCE_MS)
    page.get_by_role("button", name="Remove cat.png").click()
    expect(sentence).to_be_hidden(timeout=PATIENCE_MS)
