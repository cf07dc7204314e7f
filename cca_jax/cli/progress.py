"""The progress bar, apart because Rich is imported only where a bar is shown."""

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


def start_bar(total: int, doing: str) -> Progress:
    """Starts a bar of one task on standard error.

    Args:
        total: how many files there are.
        doing: the words before the bar.

    Returns:
        The bar, to be advanced and stopped by the caller.
    """
    bar = Progress(
        # File names may hold square brackets, which are no markup.
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[speed]}", markup=False),
        console=Console(stderr=True),
        transient=True,
        # Rich would send standard output through its console, which is standard error here: a pipe would stay empty.
        redirect_stdout=False,
        redirect_stderr=False,
    )
    bar.add_task(doing, total=total, speed="")
    bar.start()
    return bar
