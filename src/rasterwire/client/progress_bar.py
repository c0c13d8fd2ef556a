"""A progress bar for those who watch."""

from collections.abc import Iterator
from contextlib import contextmanager

from rasterwire.client.transfer import Progress


@contextmanager
def progress_bar(progress: bool | Progress) -> Iterator[Progress]:
    """Give a function that shows progress: a bar for True, the caller's own, or nothing."""
    if progress is False:
        yield lambda _done, _all: None
    elif callable(progress):
        yield progress
    else:
        from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
        from rich.progress import Progress as Bars

        columns = [TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn()]
        with Bars(*columns, TimeRemainingColumn(), transient=True) as bars:
            task = bars.add_task("rendering", total=None)

            def show(done: int, total: int | None) -> None:
                bars.update(task, completed=done, total=total, description="downloading" if done else "rendering")

            yield show
