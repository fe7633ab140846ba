"""The installed distribution is what its metadata says."""

from importlib.metadata import metadata, version
from importlib.resources import files

import aio_group


def test_version_is_the_one_of_the_installed_distribution() -> None:
    assert aio_group.__version__ == version("aio-group")


def test_every_public_name_exists() -> None:
    missing = [name for name in aio_group.__all__ if not hasattr(aio_group, name)]
    assert missing == []


def test_type_information_is_shipped() -> None:
    assert files("aio_group").joinpath("py.typed").is_file()


def test_metadata_names_the_supported_pythons() -> None:
    assert metadata("aio-group")["Requires-Python"] == ">=3.11"
