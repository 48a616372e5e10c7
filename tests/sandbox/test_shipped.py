"""What travels."""

import io
import zipfile

from rlm.sandbox import shipped, worker


def test_the_zip_is_a_program_that_holds_what_is_shipped():
    assert {name.removesuffix(".py") for name in shipped.worker_sources()} == set(worker.SHIPPED)
    with zipfile.ZipFile(io.BytesIO(shipped.worker_zip())) as packed:
        assert {name.removesuffix(".py") for name in packed.namelist()} == {*worker.SHIPPED, "__main__"} - {"start"}
