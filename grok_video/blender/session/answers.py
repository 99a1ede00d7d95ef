"""What came of what this Blender has said to the workers: a refusal reaches whoever said it, in words.

Owns the words that were not answered yet. In a window the panel and the status bar tell a refusal; a script's operator
waits for the answer of its own command (``blocking``) and raises with it.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..refusal import Refused
from .state import current, job_by_id

#: The name under which a *stop* is noted that is meant for a job which was not sent.
UNSEND = "unsend"
#: … and for a *stop* of a shot list, where what was sent meanwhile comes in as the others do.
STOP_SHOT = "stop_shot"
#: The button behind a command, as the artist knows it.
_BUTTONS = {
    "submit": "The clip",
    "release": "Send",
    "stop": "Stop Tracking",
    STOP_SHOT: "Stop",
    UNSEND: "What was taken back with its slot",
    "retry": "Retry",
    "fetch_again": "Download Again",
    "fetch_stop": "Stop Tracking",
    "request_id": "Recover by Request ID",
    "not_charged": "Not Charged",
    "today": "Count as Bought Today",
    "heard": "Got It",
    "claim": "The import of a clip",
    "unclaim": "The import of a clip",
    "imported": "The import of a clip",
}
#: What is said without a press. Another Blender that was first is no news.
_BY_ITSELF = {"claim", "unclaim", "imported"}
_NOTHING_SENT = " Nothing was sent or charged."


def note(command_id: str, command: str, job_id: str) -> None:
    """Note what was just said; '' for a command about no job. A press ends what the panel tells of one before."""
    own = current().answers
    if command not in _BY_ITSELF:
        own.refusal = ""
    if (
        command in _BUTTONS
    ):  # questions are not among them: their answers stand beside their buttons
        own.awaited[command_id] = command, job_id


def refusal_in(command: str, answer: Mapping[str, object]) -> str:
    """'' or a sentence that a command was refused, and why."""
    if answer["ok"]:
        return ""
    if answer.get("lost"):
        return str(answer["message"])  # nobody knows what came of it
    if command == UNSEND and answer.get("late"):
        return "The slot was removed when its clip had been sent. The clip will wait in the list, with its Import button."
    # What comes too late for a clip says so because that is on its way, bought by an earlier press.
    unsent = command in ("submit", "release") and not answer.get("late")
    sent = _NOTHING_SENT if unsent else ""
    return f"{_BUTTONS.get(command, 'What was asked for')} was refused. {answer['message']}{sent}"


def hear() -> tuple[str, bool]:
    """Take in the answers that have come: a sentence of what was refused, '' for nothing, and whether nobody asked.

    What the session says by itself no operator of a script waits for.
    """
    session = current()
    own = session.answers
    words: list[str] = []
    unasked = False
    unanswered = session.bridge.reader.awaited
    for command_id in [said for said in own.awaited if said not in unanswered]:
        command, job_id = own.awaited.pop(command_id)
        answer = session.bridge.answer(command_id)
        assert answer is not None
        if command == "submit" and job_by_id(job_id) is not None:
            continue  # in the list, whatever became of the answer
        refusal = refusal_in(command, answer)
        if not refusal or (command in (*_BY_ITSELF, STOP_SHOT) and answer.get("late")):
            continue
        if command == UNSEND and (job := job_by_id(job_id)) and not (job.sent or job.request_id):
            continue  # the job had ended before, and cost nothing
        if command == "submit" and not answer.get("lost"):
            own.not_taken[job_id] = refusal
            session.documents.pop(job_id, None)
        words.append(refusal)
        unasked |= command in _BY_ITSELF
    if not words:
        return "", False
    others = f" ({len(words) - 1} more were refused.)" if len(words) > 1 else ""
    own.refusal = f"{words[0]}{others}"
    return own.refusal, unasked


def refuse_not_taken(job_id: str) -> None:
    """Raise Refused where the job was not taken into the list, with the reason."""
    if words := current().answers.not_taken.get(job_id):
        raise Refused(words)
