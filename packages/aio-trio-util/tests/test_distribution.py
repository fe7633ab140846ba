"""The installed distribution is what its metadata says."""

from importlib.metadata import metadata, version
from importlib.resources import files

import aio_trio_util


def test_version_is_the_one_of_the_installed_distribution() -> None:
    assert aio_trio_util.__version__ == version("aio-trio-util")


def test_every_public_name_exists() -> None:
    missing = [name for name in aio_trio_util.__all__ if not hasattr(aio_trio_util, name)]
    assert missing == []


def test_type_information_is_shipped() -> None:
    assert files("aio_trio_util").joinpath("py.typed").is_file()


def test_metadata_names_the_supported_pythons() -> None:
    assert metadata("aio-trio-util")["Requires-Python"] == ">=3.11"
