"""What a process that decodes photos does before its first photo."""

from __future__ import annotations

import os
import signal
import threading
from multiprocessing import parent_process

from train.data.decode import quiet_pillow


def start_worker(*_: int) -> None:
    """Silences Pillow and ties this process to the one that trains, which alone decides when to stop.

    A signal that a terminal or a cluster sends to all processes must not take the photos away while the run still saves
    itself; but the run's death, of whatever kind, must not leave this process behind.
    """
    quiet_pillow()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
