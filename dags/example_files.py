"""Files and directories as artifacts: return a ``Path``, and the next step gets one with the same content."""

from __future__ import annotations

from pathlib import Path

from airflow.sdk import dag

from lading import step


@dag(schedule=None, tags=["lading", "example"], doc_md=__doc__)
def example_files() -> None:
    @step
    def write_report() -> Path:
        import tempfile

        path = Path(tempfile.mkdtemp()) / "report.txt"
        path.write_text("all containers are on board\n")
        return path

    @step
    def copy_thrice(report: Path) -> Path:
        import tempfile

        folder = Path(tempfile.mkdtemp()) / "copies"
        folder.mkdir()
        for number in range(3):
            (folder / f"{number}.txt").write_text(report.read_text())
        return folder  # a directory is one artifact

    @step
    def count(folder: Path) -> dict[str, int]:
        return {path.name: path.stat().st_size for path in sorted(folder.iterdir())}

    count(copy_thrice(write_report()))


example_files()
