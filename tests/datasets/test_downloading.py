import dataclasses
import gzip
import hashlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import idx_files
import pytest
import torchvision.datasets
import torchvision.datasets.utils

from cnnviz import datasets
from cnnviz.datasets import DatasetInfo, DownloadError, downloading
from cnnviz.datasets.registry import _BY_KEY


class Mirror:
    """A web server that has MNIST's compressed files, small ones, and does what a test tells it."""

    def __init__(self) -> None:
        self.files = {f"{name}.gz": gzip.compress(data) for name, data in idx_files.files(300, 20).items()}
        self.cut: dict[str, int] = {}
        self.requests: list[str] = []
        mirror = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                name = self.path.rpartition("/")[2]
                mirror.requests.append(name)
                data = mirror.files.get(name)
                if data is None:
                    self.send_error(404)
                    return
                self.send_response(200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data[: mirror.cut.get(name, len(data))])

            def log_message(self, *arguments: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/"

    def resources(self) -> list[tuple[str, str]]:
        return [(name, hashlib.md5(data).hexdigest()) for name, data in self.files.items()]


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Mirror]:
    mirror = Mirror()
    thread = threading.Thread(target=mirror.server.serve_forever)
    thread.start()
    monkeypatch.setenv("CNNVIZ_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(torchvision.datasets.MNIST, "mirrors", [mirror.url])
    monkeypatch.setattr(torchvision.datasets.MNIST, "resources", mirror.resources())
    yield mirror
    mirror.server.shutdown()
    mirror.server.server_close()
    thread.join()


@pytest.fixture
def info(mirror: Mirror) -> DatasetInfo:
    total = sum(map(len, mirror.files.values()))
    return dataclasses.replace(_BY_KEY["mnist"], download_bytes=total)


def test_a_download_can_be_loaded_and_reports_its_progress(
    mirror: Mirror, info: DatasetInfo, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    seen: list[float] = []
    downloading.download(info, tmp_path / "data", seen.append)
    assert seen[0] == 0
    assert seen[-1] == 1
    assert seen == sorted(seen)
    assert len([part for part in seen if 0.1 < part < 0.9]) > 2
    assert datasets.is_available("mnist")
    assert datasets.load("mnist").train_images.shape == (300, 1, 28, 28)
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["MNIST"]
    assert capfd.readouterr() == ("", "")  # no bar of torchvision's in the server's log


def test_torchvision_finds_the_download_too(mirror: Mirror, tmp_path: Path) -> None:
    datasets.download("mnist")
    assert len(torchvision.datasets.MNIST(str(tmp_path / "data"), download=False)) == 300


def test_what_is_whole_is_not_fetched_again_and_what_is_damaged_is(mirror: Mirror, tmp_path: Path) -> None:
    datasets.download("mnist")
    mirror.requests.clear()
    datasets.download("mnist")
    assert mirror.requests == []
    damaged = tmp_path / "data/MNIST/raw/train-images-idx3-ubyte"
    damaged.write_bytes(damaged.read_bytes()[:1000])
    datasets.download("mnist")
    assert len(datasets.load("mnist").train_images) == 300


def test_a_broken_connection_leaves_nothing_behind(mirror: Mirror, tmp_path: Path) -> None:
    mirror.cut["train-images-idx3-ubyte.gz"] = 1000
    with pytest.raises(DownloadError, match=r"MNIST could not be downloaded.*Check the connection"):
        datasets.download("mnist")
    assert not datasets.is_available("mnist")
    assert list((tmp_path / "data").iterdir()) == []
    mirror.cut.clear()
    datasets.download("mnist")
    assert datasets.is_available("mnist")


def test_a_server_with_other_files_is_not_believed(
    mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror.files["t10k-labels-idx1-ubyte.gz"] = gzip.compress(b"<html>Please log in</html>")
    monkeypatch.setattr(torchvision.datasets.MNIST, "resources", mirror.resources())
    with pytest.raises(DownloadError, match="damaged"):
        datasets.download("mnist")
    assert not datasets.is_available("mnist")


def test_offline_it_says_so_and_torchvision_is_as_before(
    mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    bar = torchvision.datasets.utils.tqdm
    monkeypatch.setattr(torchvision.datasets.MNIST, "mirrors", ["http://127.0.0.1:9/"])
    with pytest.raises(DownloadError, match="refused"):
        datasets.download("mnist")
    assert torchvision.datasets.utils.tqdm is bar


def test_a_person_who_leaves_ends_the_download(mirror: Mirror, tmp_path: Path) -> None:
    class Left(BaseException):
        pass

    def leave(part: float) -> None:
        if part > 0:
            raise Left

    with pytest.raises(Left):
        datasets.download("mnist", leave)
    assert list((tmp_path / "data").iterdir()) == []


def test_two_downloads_at_once_fetch_once(mirror: Mirror) -> None:
    threads = [threading.Thread(target=datasets.download, args=("mnist",)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (
        mirror.requests.count("train-labels-idx1-ubyte.gz") == 2
    )  # torchvision asks where it is, then for it
    assert datasets.is_available("mnist")
