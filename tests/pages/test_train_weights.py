from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit import config
from streamlit.testing.v1 import AppTest

from cnnviz.settings import PROJECT_DIRECTORY
from cnnviz.training.checkpoints import checkpoints
from cnnviz.training.store.runs import Status
from cnnviz.training.store.store import RunStore
from cnnviz.ui.train import sharing
from tests.pages.training_page import ME, PAGE, buttons, status, texts

OpenPage = Callable[..., AppTest]
SHIPPED = PROJECT_DIRECTORY / "checkpoints" / "mlp-mnist.safetensors"


def upload(app: AppTest, *files: tuple[str, bytes]) -> None:
    app.file_uploader(key="upload-files").set_value([(name, data, "") for name, data in files]).run()
    app.button(key="keep-upload").click().run()


def test_weights_are_uploaded_shown_and_taken_home_again(open_page: OpenPage, store: RunStore) -> None:
    app = open_page(PAGE, model="mlp", dataset="mnist-sample")
    assert not buttons(app)["keep-upload"]
    upload(app, ("mine.safetensors", SHIPPED.read_bytes()))
    (run,) = store.list()
    assert (run.status, run.owner) == (Status.FINISHED, ME)
    assert status(app) == "finished"
    assert app.subheader[0].value == "mine.safetensors"
    assert "These weights were uploaded" in texts(app)
    (code,) = [code.value for code in app.code if "def load(" in code.value]
    assert f'"mlp-mnist-sample-{run.id}.safetensors"' in code
    assert len(app.get("download_button")) >= 3
    assert checkpoints.get(run.id).weights.read_bytes()


def test_the_server_takes_what_the_page_says_that_it_takes(
    open_page: OpenPage, store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = open_page(PAGE, model="mlp", dataset="mnist-sample")
    server = config.get_option("server.maxUploadSize")
    limits = {uploader.key: uploader.proto.max_upload_size_mb for uploader in app.get("file_uploader")}
    assert limits["upload-files"] == server >= 45  # ResNet-18
    assert max(limits.values()) <= server
    upload(app, ("mine.safetensors", SHIPPED.read_bytes()))
    said = "\n".join(caption.value for caption in app.caption)
    assert "you can upload the weights again" in said
    monkeypatch.setattr(sharing, "_MEGABYTE", 100)  # of 26,000 bytes
    said = "\n".join(caption.value for caption in app.run().caption)
    assert "The weights have 262 MB and cannot be uploaded again" in said
    assert f"up to {server} MB" in said


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (("a.safetensors",), "it does not match the architecture lenet5: conv1.bias is missing"),
        (("a.json",), "Choose one .safetensors file"),
        (("a.safetensors", "b.safetensors"), "Choose one .safetensors file"),
    ],
)
def test_what_cannot_be_kept_is_explained(
    open_page: OpenPage, store: RunStore, names: tuple[str, ...], sentence: str
) -> None:
    app = open_page(PAGE, model="lenet5", dataset="mnist-sample")
    upload(app, *((name, SHIPPED.read_bytes()) for name in names))
    assert sentence in texts(app).replace("\\", "")
    assert store.list() == []
    assert not app.exception
