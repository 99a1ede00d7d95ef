"""What panels are told of a shot list: of a row, and of the whole list. Data only."""

from __future__ import annotations

from ...core.record import record


@record
class Told:
    """What a panel tells of a row of the shot list."""

    price: int | None = None  # ticks; of a row that was bought, those agreed to
    refusal: str = ""  # why the shot would be refused now; '' of a row that was bought
    #: '', 'WAITING' (agreed to, and no job yet), 'PREPARING', 'STOPPED' (it came to no job), or a ``core.job.State``.
    state: str = ""
    job: str = ""  # id of the job that ``state`` is of, or of the job to be
    words: str = ""  # for the artist: what became of the row
    again: bool = False  # nothing stands for the row: it may be bought
    wanted: bool = False  # … and it is enabled: Generate would buy the row
    held: bool = False  # its job waits for Send
    look_wanted: bool = (
        False  # its picture can be made in the look in use, and nothing stands for that
    )
    look_price: int | None = None  # ticks of that


@record
class ShotTotals:
    """What a panel tells of a whole list, as it was last looked up."""

    wanted: int = 0  # shots that Generate would buy, those that are refused too
    refused: int = 0  # … of those
    price: int | None = 0  # ticks of those that are not refused; None: one is not known
    failed: int = 0  # of those wanted, shots that were asked for before
    failed_price: int | None = 0
    left: int = 0  # … shots that never came to a job
    left_price: int | None = 0
    unsent: int = 0  # jobs that wait to be sent
    bought: int = 0  # shots that a job stands for
    looks: int = 0  # shots whose picture can be made in the look in use
    looks_price: int | None = 0
