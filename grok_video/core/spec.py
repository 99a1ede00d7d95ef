"""What a job asks for, as it was agreed to with the click: ``JobSpec`` and everything in it.

Owns ids and the fingerprint of an account too. Once its job exists, only what a spec says of files changes, and what
follows from that. Knows nothing of events, of what a model can do, or of Blender. Lengths are seconds, sizes are bytes
or pixels, money is ticks.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Iterable
from enum import StrEnum

from .record import record
from .seam import Seam
from .urls import one_base


class Kind(StrEnum):
    """What a job buys, and so which endpoint it goes to: a new clip, an extension, an edit, or a look."""

    GENERATE = "generate"
    EXTEND = "extend"
    EDIT = "edit"
    LOOK = "look"  # a picture made from a still: what a clip may begin with

    @property
    def reworks(self) -> bool:
        """Whether such a job is made from a clip, and not from pictures and words."""
        return self in (Kind.EXTEND, Kind.EDIT)


@record
class Source:
    """Where the first frame came from: kept for the clip's JSON and for the panel."""

    kind: str  # 'CAMERA' 'VIEWPORT' 'RENDER_RESULT' 'IMAGE' 'SEQUENCER' 'NONE'
    scene: str = ""
    frame: float = 0.0  # with its sub-frame
    camera: str = ""
    image: str = ""  # name of the image datablock
    view: str = (
        ""  # LOOK: stands for what the source was seen from; another one when that has changed
    )


@record
class Target:
    """Where the clip goes: decided at the click and kept."""

    session: str  # id of the Blender session that clicked
    blend: str = ""  # path of the .blend in its real folder; '' for a file that was never saved
    scene: str = ""  # name of the scene at the click
    #: AFTER: where the source ended at the click; OVER: where the sent part began; GAP: the gap's first frame.
    frame: int = 1
    #: 'AT' frame, 'AFTER' the end of the source strip, 'OVER' the source strip, in the 'GAP' behind the source strip
    place: str = "AT"
    strip: str = (
        ""  # name of the source strip at the click; GAP: of the strip before it, '' for none
    )
    mark: str = ""  # what the source strip's custom property "grok_video_source" holds: finds the strip after cuts
    channel: int = 0  # of the source strip
    length: int = 0  # scene frames of the source that were sent; GAP: the gap's
    #: OVER: scene frames from the source's left handle to the first one sent; GAP: from where the content of the strip
    #: behind the gap begins to the first frame that this strip shows.
    offset: int = 0
    scene_uid: int = (
        0  # Blender's session_uid of the scene: holds in that session while the file stays open
    )
    scene_mark: str = (
        ""  # what the scene's custom property "grok_video_scene" holds: finds the scene in a file
    )
    #: Id of the slot in the sequencer that the clip is a take of, as its strips' "grok_video_slot" says; '' where the
    #: job was clicked without one: a job of a version before 0.4.0, and of a script.
    slot: str = ""
    right: str = ""  # GAP: name of the strip behind the gap at the click; '' for none
    right_mark: str = ""  # GAP: the mark of that strip


@record
class Picture:
    """A picture that goes along with a request."""

    path: str  # absolute
    mime: str  # 'image/png' 'image/jpeg'
    size: int = 0  # bytes
    label: str = ""  # what the artist knows it by

    @property
    def name(self) -> str:
        """The name of the picture for artists: its label, else its file's name."""
        return self.label or os.path.basename(self.path)


@record
class Keyframe:
    """A picture that the clip shall show at a time ``thirds``."""

    picture: Picture
    thirds: int  # thirds of a second from the clip's start: the service's grid

    @property
    def seconds(self) -> float:
        """Seconds from the clip's start."""
        return self.thirds / 3


@record
class SourceVideo:
    """The clip that is extended or edited."""

    path: str  # absolute path of the MP4: what is uploaded, where it is not sent as a URL
    seconds: float
    size: int = 0  # bytes
    width: int = 0
    height: int = 0
    #: Id of the job that made the whole clip: sent as a URL while that is fresh, and the file is what was downloaded.
    job: str = ""
    #: What the strip's modifiers *Grok Video Seam* did to it, where its file was sent as it is; None: nothing.
    seam: Seam | None = None


@record
class Character:
    """One of a cast: as the artist has made it, and as it went along with a job."""

    name: str
    pictures: int = 0  # of a job's references the last ones are those of its cast, in order
    voice: str = ""  # id of a voice; '' for none


@record
class FileMark:
    """A file as it was when somebody looked at it: what tells whether the same path still holds the same file."""

    path: str  # absolute
    size: int  # bytes
    mtime_ns: int
    inode: int = 0  # 0: the file system gives none
    sha256: str = ""  # 64 hex characters; '' until all of the file was read

    def looks_like(self, other: FileMark) -> bool:
        """Whether a look at the disk, without reading, finds no difference."""
        inodes = self.inode == other.inode or 0 in (self.inode, other.inode)
        return (self.size, self.mtime_ns) == (other.size, other.mtime_ns) and inodes

    def holds(self, other: FileMark) -> bool:
        """Whether both files are known to have the same content."""
        return bool(self.sha256) and (self.size, self.sha256) == (other.size, other.sha256)


def mark_of(path: str, status: os.stat_result, sha256: str = "") -> FileMark:
    """The mark of the file at ``path``, of which the system says ``status``."""
    return FileMark(path, status.st_size, status.st_mtime_ns, status.st_ino, sha256)


@record
class JobSpec:
    """Everything there is to know of a request, fixed before it is queued, but for its files.

    *Send* takes the files as they are, where the job was held because one is another now: see ``with_files_of``. As the
    last byte leaves, ``files`` becomes what was read.
    """

    id: str  # of new_id(), made by Blender
    kind: Kind
    model: str
    prompt: str
    duration: int  # seconds; EXTEND: those added; EDIT: the source's, rounded (not sent); LOOK: 0
    resolution: (
        str  # '480p' '720p' '1080p'; EXTEND and EDIT: what is priced (not sent); LOOK: '1k' '2k'
    )
    aspect_ratio: str  # '16:9' …; never 'AUTO', which the click resolves; LOOK: 'AUTO' (not sent)
    generate_audio: bool
    account: str  # fingerprint of (API base, key): see account_of()
    api_base: str  # without a trailing slash, '/v1/…' is appended
    estimate: int | None  # ticks; None when the model's price is not known
    #: Absolute path of the source still; '' for text-to-video. LOOK: the picture that is made anew.
    image: str = ""
    image_mime: str = ""  # 'image/png' 'image/jpeg'
    image_pixels: tuple[int, int] = (0, 0)  # width, height, as the still was made
    image_bytes: int = 0
    output: str = ""  # absolute path of the MP4 to be, or of the look's .jpg, chosen at submission
    parent: str = ""  # id of the job that is sent again
    source: Source = dataclasses.field(default_factory=lambda: Source("NONE"))
    target: Target = dataclasses.field(default_factory=lambda: Target(""))
    video: SourceVideo | None = None  # what is extended or edited
    references: tuple[Picture, ...] = ()  # <IMAGE_0>, <IMAGE_1> … in the prompt
    last_frame: Picture | None = None
    keyframes: tuple[Keyframe, ...] = ()
    unchecked: bool = False  # a model that was typed in: sent as it is, its price is not known
    #: Every file that is sent, as it was at the click or at *Send*; once it was sent, with the checksum of what left. Jobs
    #: of 0.1.0 have none: of their files the sizes are known.
    files: tuple[FileMark, ...] = ()
    written: str = (
        ""  # the prompt with its alternatives and @Names, as it was written; '' where it has none
    )
    quality: str = ""  # LOOK: 'low' 'medium'; '' for a model that knows none (not sent)
    look: str = ""  # id of the look that is the first frame; '' where none is
    loop: bool = (
        False  # the end frame is the first frame: the doubled frame is trimmed at the import
    )
    draft: bool = False  # made cheaply, to be finished with ``full_image``
    full_image: Picture | None = None  # a draft's first frame at the size that the final clip takes
    final_model: str = ""  # a draft's: the model that was chosen for the final clip
    final_resolution: str = ""  # likewise
    voices: tuple[str, ...] = ()  # ids of voices: <AUDIO_0>, <AUDIO_1> … in the prompt
    cast: tuple[Character, ...] = ()  # whom @Name meant: the last of the references are theirs
    shot: str = ""  # mark of the row of the shot list that it was made from; '' where there is none
    shot_name: str = ""  # what that row was called then

    @property
    def short_id(self) -> str:
        """The first 8 characters of the job's id: what file names and rows show."""
        return self.id[:8]

    @property
    def slot(self) -> str:
        """The slot that the clip is a take of; a job that was clicked without one is the first take of its own."""
        return self.target.slot or self.id

    @property
    def pictures(self) -> tuple[tuple[str, Picture], ...]:
        """Every picture that is sent, with what it is called: 'source still', 'reference Camera.001'."""
        first = Picture(self.image, self.image_mime, self.image_bytes)
        return (
            *([("source still", first)] if self.image else []),
            *((f"reference {picture.name}", picture) for picture in self.references),
            *([("end frame", self.last_frame)] if self.last_frame else []),
            *((f"keyframe at {frame.seconds:.2f} s", frame.picture) for frame in self.keyframes),
        )

    @property
    def sent_files(self) -> tuple[tuple[str, str, int], ...]:
        """Name for artists, path and recorded size (bytes; 0: not recorded) of each file that goes along."""
        sent = tuple((what, picture.path, picture.size) for what, picture in self.pictures)
        if not self.kind.reworks:
            return sent
        return (("source clip", self.video.path, self.video.size),) if self.video else ()

    def with_files_of(self, other: JobSpec) -> JobSpec:
        """This spec with the files of ``other`` as those are there, and what depends on them: lengths and price."""
        return dataclasses.replace(
            self, **{name: getattr(other, name) for name in _CHANGES_WITH_FILES}
        )


#: The fields of a spec that are other ones when the files at its paths are.
_CHANGES_WITH_FILES = (
    "files",
    "image_bytes",
    "references",
    "last_frame",
    "keyframes",
    "video",
    "duration",
    "resolution",
    "estimate",
)


def new_id() -> str:
    """A fresh job, command or session id: 32 hex characters."""
    return os.urandom(16).hex()


def account_of(api_base: str, key: str) -> str:
    """16 hex characters that stand for an (API base, key) pair without giving the key away.

    A job is polled only with the pair it was bought with. All spellings of a base are one account.
    """
    return _fingerprint(one_base(api_base), key)


def accounts_of(api_base: str, key: str, recorded: Iterable[str]) -> frozenset[str]:
    """Every fingerprint under which jobs of that account may be on record; ``recorded``: the bases of jobs.

    0.1.0 made another fingerprint of each spelling of a base: which job is whose is told by the base it has on record.
    """
    one = one_base(api_base)
    same = {base for base in recorded if one_base(base) == one}
    return frozenset(_fingerprint(base, key) for base in {one, *same})


def _fingerprint(base: str, key: str) -> str:
    digest = hashlib.blake2b(
        f"{base.rstrip('/')}\n{key}".encode(), digest_size=8, salt=b"grok_video"
    )
    return digest.hexdigest()


@record
class Clip:
    """What the file of a clip says of itself (never what was asked for); of a look, one frame without a rate."""

    path: str  # absolute
    size: int  # bytes
    width: int
    height: int
    fps: float
    frames: int
    seconds: float
    has_audio: bool
