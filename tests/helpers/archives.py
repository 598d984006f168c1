"""Archives of folders, as people pack them."""

import io
import tarfile
import zipfile

TAR_MODES = {".tar": "w", ".tar.gz": "w:gz", ".tgz": "w:gz", ".tar.bz2": "w:bz2", ".tar.xz": "w:xz"}


def packed(folder, ending):
    """Return a folder packed into an archive beside it, of the same name; itself for no ending."""
    if not ending:
        return folder
    files = {
        path.relative_to(folder).as_posix() + "/" * path.is_dir(): path
        for path in sorted(folder.rglob("*"), reverse=True)
    }
    members = {name: b"" if path.is_dir() else path.read_bytes() for name, path in files.items()}
    return write_archive(folder.parent / f"{folder.name}{ending}", members)


def write_archive(path, members, method=zipfile.ZIP_DEFLATED):
    """Write an archive of files by their names; those that end in "/" are folders."""
    ending = next((one for one in TAR_MODES if path.name.endswith(one)), None)
    if ending is None:
        with zipfile.ZipFile(path, "w", method) as archive:
            for name, content in members.items():
                archive.writestr(zipfile.ZipInfo(name), content, method)
        return path
    with tarfile.open(path, TAR_MODES[ending]) as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.type = tarfile.DIRTYPE if name.endswith("/") else tarfile.REGTYPE
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path
