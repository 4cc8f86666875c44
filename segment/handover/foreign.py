"""JSON of annotation tools that is not read: what it is, and what to export instead."""

from __future__ import annotations

from typing import Any

_EXPORT = "which is not read: export"


def foreign_kind(content: Any) -> str | None:
    """The tool that wrote a JSON, and what to export from it instead; None where that does not show."""
    if isinstance(content, list):
        return _of_list(content)
    if not isinstance(content, dict):
        return None
    values = [value for value in list(content.values())[:8] if isinstance(value, dict)]
    if "_via_img_metadata" in content or any("regions" in one and "filename" in one for one in values):
        return (
            f"a VIA project (VGG Image Annotator), {_EXPORT} its annotations as COCO format (Annotation menu)"
        )
    if isinstance(content.get("items"), list) and "categories" in content:
        return f"Datumaro's own JSON, {_EXPORT} the data set as COCO (datum convert -f coco_instances)"
    if content.get("type") in ("FeatureCollection", "Feature"):
        return f"GeoJSON, {_EXPORT} COCO annotations, in pixels"
    if isinstance(content.get("objects"), list) and "size" in content:
        return f"Supervisely's JSON, {_EXPORT} the project as COCO"
    if isinstance(content.get("annotations"), list) and isinstance(content.get("item"), dict):
        return f"Darwin's JSON (V7), {_EXPORT} the data set as COCO"
    if isinstance(content.get("objects"), list) and "imgHeight" in content:
        return f"Cityscapes' polygons, {_EXPORT} its label maps (gtFine_labelIds.png)"
    return None


def _of_list(content: list[Any]) -> str | None:
    first = content[0] if content and isinstance(content[0], dict) else {}
    if isinstance(first.get("data"), dict) and ("annotations" in first or "predictions" in first):
        return f"Label Studio's JSON, {_EXPORT} COCO, or Brush labels to PNG"
    if "data_row" in first or "Labeled Data" in first:
        return f"Labelbox's JSON, {_EXPORT} COCO"
    return None
