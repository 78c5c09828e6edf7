"""What a message holds beyond text, in the forms of many providers."""

import pytest

from hybrid_router_core.conversation import kinds_beyond_text

IMAGE = {"type": "image", "url": "http://example.org/a.png"}


@pytest.mark.parametrize(
    "content",
    [
        None,
        "",
        "words",
        [],
        ["words", {"type": "text", "text": "more"}],
        [{"type": "input_text", "text": "a"}, {"type": "output_text", "text": "b"}],
        [{"type": "thinking", "thinking": "hm", "signature": "x"}, {"type": "reasoning", "reasoning": "hm"}],
        [{"type": "tool_use", "id": "1", "name": "add", "input": {"a": {"type": "image"}}}],
        [{"type": "tool_result", "tool_use_id": "1", "content": "3"}],
        [{"type": "tool_result", "tool_use_id": "1", "content": [{"type": "text", "text": "3"}]}],
        [{"text": "as Converse names it"}, {"cachePoint": {"type": "default"}}],
        [{"toolResult": {"toolUseId": "1", "content": [{"text": "3"}]}}],
    ],
)
def test_text_and_the_calls_of_tools_are_text(content):
    assert kinds_beyond_text(content) == frozenset()


@pytest.mark.parametrize(
    ("block", "kind"),
    [
        (IMAGE, "image"),
        ({"type": "image_url", "image_url": {"url": "http://x"}}, "image"),
        ({"type": "input_image", "image_url": "http://x"}, "image"),
        ({"image_url": {"url": "http://x"}}, "image"),
        ({"image": {"format": "png", "source": {"bytes": b"x"}}}, "image"),
        ({"type": "media", "mime_type": "image/png", "data": b"x"}, "image"),
        ({"type": "media", "mime_type": "application/pdf", "data": b"x"}, "media"),
        ({"type": "file", "mime_type": "image/png", "base64": "eA=="}, "image"),
        ({"type": "file", "file": {"file_id": "x"}}, "document"),
        ({"type": "video_url", "video_url": {"url": "http://x"}}, "video"),
        ({"type": "audio_url", "audio_url": {"url": "http://x"}}, "audio"),
        ({"type": "input_audio", "input_audio": {"data": "x", "format": "wav"}}, "audio"),
        ({"document": {"format": "pdf", "name": "a", "source": {"bytes": b"x"}}}, "document"),
        ({"type": "tool_result", "tool_use_id": "1", "content": [IMAGE]}, "image"),
        ({"toolResult": {"toolUseId": "1", "content": [{"image": {"format": "png"}}]}}, "image"),
        ({"type": "non_standard", "value": IMAGE}, "image"),
        ({"type": "search_result", "source": "x", "content": []}, "search_result"),
        ({"type": "container_upload", "file_id": "x"}, "container_upload"),
        ({"type": "hologram"}, "hologram"),
        ({"type": 7}, "unknown"),
        ({"guardContent": {}}, "guardContent"),
        (7, "unknown"),
        (b"bytes", "unknown"),
    ],
)
def test_whatever_is_not_known_to_be_text_is_named(block, kind):
    assert kinds_beyond_text(["look at this", block, {"type": "text", "text": "?"}]) == {kind}


def test_blocks_without_end_are_unknown_and_not_a_crash():
    block = {"type": "text", "text": "x"}
    for _ in range(5000):
        block = {"type": "tool_result", "content": [block]}
    assert kinds_beyond_text([block]) == {"unknown"}
    endless = []
    endless.append(endless)
    assert kinds_beyond_text(endless) == {"unknown"}
