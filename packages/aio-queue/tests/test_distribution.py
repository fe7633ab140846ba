"""The installed distribution is what its metadata says."""

from importlib.metadata import metadata, version
from importlib.resources import files

import aio_queue


def test_version_is_the_one_of_the_installed_distribution() -> None:
    assert aio_queue.__version__ == version("aio-queue")


def test_every_public_name_exists() -> None:
    missing = [name for name in aio_queue.__all__ if not hasattr(aio_queue, name)]
    assert missing == []


def test_type_information_is_shipped() -> None:
    assert files("aio_queue").joinpath("py.typed").is_file()


def test_metadata_names_the_supported_pythons() -> None:
    assert metadata("aio-queue")["Requires-Python"] == ">=3.11"
