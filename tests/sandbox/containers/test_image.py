"""The image that is made of this machine's Python."""

import io
import tarfile

from rlm.sandbox.containers import image


def test_a_packages_own_libraries_are_in_it_once_and_where_the_package_is(tmp_path, monkeypatch):
    own = tmp_path / "some.libs" / "own.so"
    needed = tmp_path / "elsewhere" / "needed.so"
    for path in (own, needed):
        path.parent.mkdir()
        path.write_bytes(b"x")
    found = {f"{tmp_path}/some/../some.libs/own.so", f"{tmp_path}/some/core/../../some.libs/own.so", str(needed)}
    (tmp_path / "some" / "core").mkdir(parents=True)
    monkeypatch.setattr(image, "_libraries", lambda programs: found)
    packed = io.BytesIO()
    image._pack({"/site/some.libs/own.so": own}, packed)
    with tarfile.open(fileobj=io.BytesIO(packed.getvalue())) as tar:
        names = [name for name in tar.getnames() if name.endswith(".so")]
    assert sorted(names) == sorted([str(needed).lstrip("/"), "site/some.libs/own.so"])
