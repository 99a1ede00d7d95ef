"""What a model cannot do is not offered, and does not stay set unseen."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

PACKAGE = "bl_ext.user_default.grok_video"


def test_a_model_resets_only_what_it_cannot_do(blender: ModuleType) -> None:
    settings = blender.context.scene.grok_video
    settings.model = "grok-imagine-video-1.5"
    settings.resolution = "1080p"
    settings.aspect_ratio = "9:16"
    settings.duration = 12
    settings.model = "grok-imagine-video"
    assert settings.resolution == "720p"  # the most it can
    assert (settings.aspect_ratio, settings.duration) == ("9:16", 12)
    settings.resolution = "480p"
    settings.model = "grok-imagine-video-1.5"
    assert settings.resolution == "480p"
    with pytest.raises(TypeError):
        settings.aspect_ratio = "7:5"


def test_settings_are_saved_with_the_scene(blender: ModuleType, tmp_path: object) -> None:
    settings = blender.context.scene.grok_video
    settings.prompt, settings.model, settings.resolution = "Rain", "grok-imagine-video-1.5", "1080p"
    path = f"{tmp_path}/shot.blend"
    blender.ops.wm.save_as_mainfile(filepath=path)
    blender.ops.wm.read_homefile(use_empty=True)
    assert blender.context.scene.grok_video.prompt == ""
    blender.ops.wm.open_mainfile(filepath=path)
    settings = blender.context.scene.grok_video
    assert (settings.prompt, settings.resolution) == ("Rain", "1080p")


def test_the_folder_of_the_list_does_not_move_with_the_file(
    blender: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Relative to a .blend it would be another list, with other limits, in each folder."""
    own = blender.context.preferences.addons[PACKAGE].preferences
    blender.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    own.ledger_dir = "//jobs"
    assert own.ledger_dir == str(tmp_path / "jobs")
    own.ledger_dir = "jobs"
    assert own.ledger_dir == str(Path.cwd() / "jobs")
    own.ledger_dir = ""
    assert own.ledger_dir == ""
