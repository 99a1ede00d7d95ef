"""What can be set at the stand-in, at its start and while it runs. Owns the names, the usual values, their checks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from . import shapes


@dataclass(slots=True)
class Settings:
    """What can be set at the start and through ``/_stand_in/settings``."""

    shape: str = "real"  # or 'guide'
    job_seconds: float = 3.0
    per_second: int = 1  # 0: no limit
    per_minute: int = 60  # 0: no limit
    motion: bool = True  # False: the picture stands still, only its number changes
    crops: bool = False  # a picture is cropped to aspect_ratio, as older documents say; False: the clip follows it
    longest_source: float = 15.1  # seconds of video that can be extended
    drifts: bool = True  # edits come back a little shorter and larger; False: to the frame
    part_only: bool = False  # extensions come back without their source
    bill: float = 1.0  # how many times its price a job is billed
    ids: str = "request_id"  # some of shapes.ID_PLACES: where the answer to a POST has its id
    number_ids: bool = False  # ids are whole numbers
    ids_differ: bool = False  # at all places but the first another id
    id_error: str = ""  # the answer to a POST names this error as well
    done_word: str = "done"  # '' for no status
    link: str = "video.url"  # one of shapes.LINK_PLACES
    relative: bool = False  # links have no host
    odd: str = ""  # some of shapes.ODD: what is odd about the clips
    drift: str = (
        ""  # words of shapes.DRIFT: what happens to the colours of an answer with its source
    )
    drift_of: str = "extend"  # some of shapes.KINDS: whose
    defers: bool = (
        True  # images: knows the deferred form; False: ignores the field, answers at once
    )
    prompt_length: int = 8000  # characters of a prompt for an image
    image_price: float = 1.0  # how many times their price images cost, by the list and by the bill
    picture_format: str = "jpeg"  # of shapes.PICTURE_FORMATS
    picture_said: str = ""  # the media type that is said of images; '' for the true one
    picture_marked: bool = True  # images show what they were made of
    geometry: str = ""  # words of shapes.GEOMETRY: how an image lies to the one it was made of
    stretches: bool = False  # an image to its quantised ratio; False: it is cut
    trusted: bool = False  # voices: may send sounds of its own
    custom_voices: str = ""  # ids of voices of the account's own
    voices_forbidden: bool = False  # the key may not list voices

    def change(self, wanted: Mapping[str, Any]) -> None:
        """Take over values by their names. Raises ValueError."""
        kinds = {item.name: type(getattr(self, item.name)) for item in fields(self)}
        for name, value in wanted.items():
            if name not in kinds:
                raise ValueError(f"{name} is no setting; there are: {', '.join(kinds)}")
            if name == "shape" and value not in ("real", "guide"):
                raise ValueError("shape is real or guide")
            shapes.checked(name, value)
            setattr(self, name, kinds[name](value))
