import dataclasses
import gzip
import hashlib
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cifar_files
import idx_files
import pytest
import torchvision.datasets
import torchvision.datasets.utils
import torchvision_cifar

from cnnviz import datasets
from cnnviz.datasets import DatasetInfo, DownloadError, downloading
from cnnviz.datasets.registry import _BY_KEY


class Mirror:
    """A web server that has small ``files``, and does what a test tells it."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
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


@contextmanager
def serving(files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Mirror]:
    mirror = Mirror(files)
    thread = threading.Thread(target=mirror.server.serve_forever)
    thread.start()
    monkeypatch.setenv("CNNVIZ_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    yield mirror
    mirror.server.shutdown()
    mirror.server.server_close()
    thread.join()


def compressed() -> dict[str, bytes]:
    """What the servers of MNIST and of Fashion-MNIST have."""
    return {f"{name}.gz": gzip.compress(data) for name, data in idx_files.files(300, 20).items()}


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Mirror]:
    with serving(compressed(), monkeypatch, tmp_path) as mirror:
        for known in (torchvision.datasets.MNIST, torchvision.datasets.FashionMNIST):
            monkeypatch.setattr(known, "mirrors", [mirror.url])
            monkeypatch.setattr(known, "resources", mirror.resources())
        yield mirror


ARCHIVE = "cifar-10-python.tar.gz"


@pytest.fixture
def cifar_mirror(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Mirror]:
    content = cifar_files.files()
    with serving({ARCHIVE: cifar_files.archive(content)}, monkeypatch, tmp_path) as mirror:
        torchvision_cifar.expect(monkeypatch, content)
        put(mirror, mirror.files[ARCHIVE], monkeypatch)
        yield mirror


def put(mirror: Mirror, data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the server have ``data`` as CIFAR-10's archive, and torchvision expect just that."""
    mirror.files[ARCHIVE] = data
    monkeypatch.setattr(torchvision.datasets.CIFAR10, "url", mirror.url + ARCHIVE)
    monkeypatch.setattr(torchvision.datasets.CIFAR10, "tgz_md5", hashlib.md5(data).hexdigest())


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


def test_fashion_mnist_comes_into_a_folder_of_its_own(mirror: Mirror, tmp_path: Path) -> None:
    datasets.download("fashion-mnist")
    assert datasets.is_available("fashion-mnist")
    assert not datasets.is_available("mnist")
    assert datasets.load("fashion-mnist").train_images.shape == (300, 1, 28, 28)
    assert len(torchvision.datasets.FashionMNIST(str(tmp_path / "data"), download=False)) == 300


def test_cifar_is_downloaded_unpacked_and_found_by_torchvision_too(
    cifar_mirror: Mirror, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    info = dataclasses.replace(datasets.get("cifar10"), download_bytes=len(cifar_mirror.files[ARCHIVE]))
    seen: list[float] = []
    downloading.download(info, tmp_path / "data", seen.append)
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == (0, 1)
    assert datasets.load("cifar10").train_images.shape == (20, 3, 32, 32)
    assert len(torchvision.datasets.CIFAR10(str(tmp_path / "data"), download=False)) == 20
    assert [path.name for path in (tmp_path / "data").iterdir()] == [cifar_files.FOLDER]  # no archive
    assert capfd.readouterr() == ("", "")
    cifar_mirror.requests.clear()
    datasets.download("cifar10")
    assert cifar_mirror.requests == []


def test_a_lost_file_of_cifar_is_fetched_again(cifar_mirror: Mirror, tmp_path: Path) -> None:
    datasets.download("cifar10")
    (tmp_path / "data" / cifar_files.FOLDER / "data_batch_2").unlink()
    assert not datasets.is_available("cifar10")
    datasets.download("cifar10")
    assert len(datasets.load("cifar10").train_labels) == 20


def test_cifar_cut_off_halfway_leaves_nothing_behind(cifar_mirror: Mirror, tmp_path: Path) -> None:
    cifar_mirror.cut[ARCHIVE] = len(cifar_mirror.files[ARCHIVE]) // 2
    with pytest.raises(DownloadError, match=r"CIFAR-10 could not be downloaded.*Check the connection"):
        datasets.download("cifar10")
    assert list((tmp_path / "data").iterdir()) == []
    cifar_mirror.cut.clear()
    datasets.download("cifar10")
    assert datasets.is_available("cifar10")


def spoiled() -> dict[str, bytes]:
    files = cifar_files.files()
    return {
        "no archive": b"<html>Please log in</html>" * 100,
        "half an archive": cifar_files.archive(files)[:-2000],
        "a file is missing": cifar_files.archive({name: files[name] for name in list(files)[1:]}),
        "other files": cifar_files.archive({**files, "test_batch": files["data_batch_1"]}),
    }


@pytest.mark.parametrize("what", spoiled())
def test_an_archive_with_other_content_is_not_believed(
    cifar_mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    put(cifar_mirror, spoiled()[what], monkeypatch)
    with pytest.raises(DownloadError, match="CIFAR-10 could not be downloaded"):
        datasets.download("cifar10")
    assert list((tmp_path / "data").iterdir()) == []


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/", "gone"])
def test_without_a_server_cifar_says_so(
    cifar_mirror: Mirror, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    address = url if url.startswith("http") else cifar_mirror.url + url
    monkeypatch.setattr(torchvision.datasets.CIFAR10, "url", address)
    with pytest.raises(DownloadError, match=r"Connection refused|Not Found"):
        datasets.download("cifar10")
