"""Files of volumes and of the workspace: two APIs, one folder below."""

from __future__ import annotations

import base64
import shutil
import threading
from pathlib import Path
from typing import Any

from fakes.databricks.errors import ApiError


class Files:
    """A folder has to be there before a file is put into it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._lock = threading.Lock()
        for path in ("Volumes/main/ml/lading", "Workspace/Shared"):
            (root / path).mkdir(parents=True)

    def place(self, path: str) -> Path:
        """On this machine. The workspace's own paths may come without their first part."""
        path = path.removeprefix("dbfs:")
        if not path.startswith(("/Volumes/", "/Workspace/")):
            path = f"/Workspace{path}"
        found = (self.root / path.lstrip("/")).resolve()
        if not found.is_relative_to(self.root.resolve()):
            raise ApiError(400, "INVALID_PARAMETER_VALUE", f"Invalid path: {path}")
        return found

    def volume(self, method: str, path: str, query: dict[str, str], data: bytes) -> bytes | None:
        """``/api/2.0/fs/files/Volumes/…``"""
        place = self.place(path)
        if method == "PUT":
            self._write(place, path, data, overwrite=query.get("overwrite", "false") == "true")
            return None
        if not place.is_file():
            raise ApiError(404, "NOT_FOUND", f"The file being accessed is not found. {path}")
        if method == "DELETE":
            place.unlink()
            return None
        return place.read_bytes()

    def make_folder(self, path: str) -> None:
        volume = Path(*self.place(path).relative_to(self.root).parts[:4])
        if path.startswith("/Volumes/") and not (self.root / volume).is_dir():
            raise ApiError(404, "NOT_FOUND", f"Volume '{'.'.join(volume.parts[1:])}' does not exist.")
        self.place(path).mkdir(parents=True, exist_ok=True)

    def import_(self, body: dict[str, Any]) -> dict[str, Any]:
        if body.get("format") != "AUTO":
            raise ApiError(400, "INVALID_PARAMETER_VALUE", "only files are taken here: format AUTO")
        data = base64.b64decode(body["content"])
        self._write(
            self.place(body["path"]),
            body["path"],
            data,
            overwrite=bool(body.get("overwrite")),
            workspace=True,
        )
        return {}

    def export(self, args: dict[str, Any]) -> dict[str, Any]:
        place = self.place(args["path"])
        if not place.is_file():
            raise self._no_path(args["path"])
        return {"content": base64.b64encode(place.read_bytes()).decode(), "file_type": place.suffix[1:]}

    def delete(self, body: dict[str, Any]) -> dict[str, Any]:
        place = self.place(body["path"])
        if not place.exists():
            raise self._no_path(body["path"])
        shutil.rmtree(place) if place.is_dir() else place.unlink()
        return {}

    def mkdirs(self, body: dict[str, Any]) -> dict[str, Any]:
        self.place(body["path"]).mkdir(parents=True, exist_ok=True)
        return {}

    def status(self, args: dict[str, Any]) -> dict[str, Any]:
        if not self.place(args["path"]).exists():
            raise self._no_path(args["path"])
        return {"path": args["path"], "object_type": "FILE", "object_id": 1}

    def _write(
        self, place: Path, path: str, data: bytes, *, overwrite: bool, workspace: bool = False
    ) -> None:
        with self._lock:
            if not place.parent.is_dir():
                code = "RESOURCE_DOES_NOT_EXIST" if workspace else "NOT_FOUND"
                raise ApiError(404, code, f"The parent folder ({path.rpartition('/')[0]}) does not exist.")
            if place.exists() and not overwrite:
                if workspace:
                    raise ApiError(400, "RESOURCE_ALREADY_EXISTS", f"Path ({path}) already exists.")
                raise ApiError(409, "ALREADY_EXISTS", f"The file being created already exists. {path}")
            place.write_bytes(data)

    @staticmethod
    def _no_path(path: str) -> ApiError:
        return ApiError(404, "RESOURCE_DOES_NOT_EXIST", f"Path ({path}) doesn't exist.")
