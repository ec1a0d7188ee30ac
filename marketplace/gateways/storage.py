"""The door to where pictures lie: a folder of this machine (an object store later, behind the same three verbs)."""

from pathlib import Path


class PhotoStorage:
    """Keeps finished picture files under names of our own making."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def keep(self, name: str, data: bytes) -> None:
        """Store `data` under `name`."""
        self.folder.mkdir(parents=True, exist_ok=True)
        partial = self.folder / f".{name}.partial"
        partial.write_bytes(data)
        partial.rename(self.folder / name)

    def path(self, name: str) -> Path:
        """Where the picture lies."""
        return self.folder / name

    def forget(self, name: str) -> None:
        """Remove a picture; one that is gone already is no error."""
        (self.folder / name).unlink(missing_ok=True)
